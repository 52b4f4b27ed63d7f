"""Names of blocks, as stages receive them: keys hold the identity behind a name, never its address."""

from pydantic import Field, model_validator

from millrace.records.base import Identifier, Record


class BlockName(Record):
    """Name of a saved block, or of an embedded default that needs none."""

    name: Identifier

    @model_validator(mode="before")
    @classmethod
    def _by_name_alone(cls, value: object) -> object:
        """In settings files the name itself does."""
        return {"name": value} if isinstance(value, str) else value

    def identity(self) -> str:
        """Whatever decides values behind the name: model, revision, prompt."""
        raise TypeError(f"{type(self).__name__} says nothing of its identity")


class EmbedderName(BlockName):
    """Names an embedder; ``embedded`` is the default and needs no saved block."""

    name: Identifier = "embedded"

    def identity(self) -> str:
        from blocks.embedder import embedder_identity

        return embedder_identity(self.name)


class NotificationName(BlockName):
    """Names a saved Prefect notification block, such as ``slack-webhook/team``; whom it tells decides no values."""

    name: Identifier = Field(pattern="^[a-z0-9-]+/[a-z0-9-]+$", description="block type's slug/block's name")

    def identity(self) -> str:
        return self.name

    def check(self) -> None:
        """See that it can notify, without reading its secrets.

        Raises:
            NotFoundError: no block is saved under the name, or one that cannot notify.
            UnavailableError: Prefect's API does not answer.
        """
        from blocks.notification import check_notification

        check_notification(self.name)

    def notify(self, subject: str, body: str) -> None:
        """Send a notification.

        Raises:
            UnavailableError: the receiver does not answer; it may later.
            BadInputError: the receiver refused it, or the block cannot be used.
        """
        from blocks.notification import send_notification

        send_notification(self.name, subject, body)
