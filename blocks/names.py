"""Names of blocks, as stages receive them: keys hold the identity behind a name, never its address."""

from millrace.records.base import Identifier, Record


class BlockName(Record):
    """Name of a saved block, or of an embedded default that needs none."""

    name: Identifier

    def identity(self) -> str:
        """Whatever decides values behind the name: model, revision, prompt."""
        raise TypeError(f"{type(self).__name__} says nothing of its identity")


class EmbedderName(BlockName):
    """Names an embedder; ``embedded`` is the default and needs no saved block."""

    name: Identifier = "embedded"

    def identity(self) -> str:
        from blocks.embedder import embedder_identity

        return embedder_identity(self.name)
