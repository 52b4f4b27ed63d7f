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


class VectorIndexName(BlockName):
    """Names where index snapshots lie: ``embedded`` (in the home), ``server`` (by the environment), or a saved block.

    All of them find the same hits in a snapshot, and snapshots are named by content, so the place decides no value.
    """

    name: Identifier = Field("embedded", pattern="^(embedded|server|memory|[a-z0-9-]+/[a-z0-9-]+)$")

    def identity(self) -> str:
        return "vector index"


class ConsistencyName(BlockName):
    """Names a detector of unsupported answers; ``embedded`` is the default and needs no saved block."""

    name: Identifier = "embedded"

    def identity(self) -> str:
        from blocks.consistency import consistency_identity

        return consistency_identity(self.name)


class ChatModelName(BlockName):
    """Names a chat model: ``environment`` for the gateway that variables name, or the slug/name of a saved block."""

    name: Identifier = Field("environment", pattern="^(environment|[a-z0-9-]+/[a-z0-9-]+)$")

    def identity(self) -> str:
        from blocks.chat_model import chat_model_identity

        return chat_model_identity(self.name)


class RerankerName(BlockName):
    """Names a reranker; ``none`` is the default and leaves the order of retrieval."""

    name: Identifier = "none"

    def identity(self) -> str:
        from blocks.reranker import reranker_identity

        return reranker_identity(self.name)


class TokenizerName(BlockName):
    """Names a tokenizer that counts what is shown to a model; ``embedded`` is the default, an estimate."""

    name: Identifier = "embedded"

    def identity(self) -> str:
        from blocks.tokenizer import tokenizer_identity

        return tokenizer_identity(self.name)


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
