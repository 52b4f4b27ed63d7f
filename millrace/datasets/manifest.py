"""What a stored dataset says of itself."""

from typing import Annotated

from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.records.base import Identifier, Record, Sha256


class DatasetRef(Record):
    """Names a dataset by its content; small enough to be a Prefect result."""

    kind: Identifier
    content_hash: Sha256
    rows: int = Field(ge=0)

    @property
    def name(self) -> str:
        """``kind:hash``, as origins and receipts write it."""
        return f"{self.kind}:{self.content_hash}"


PartFile = Annotated[str, Field(pattern=r"^[a-z0-9-]+\.parquet$")]


class Part(Record):
    """One file of a dataset, beside its manifest."""

    file: PartFile
    rows: int = Field(ge=0)
    hash: Sha256 = Field(description="Over the part's values, measured fields left out")
    measured_file: PartFile | None = None


class Origin(Record):
    """Where a dataset came from: everything that decided its values."""

    stage: str
    code_fingerprint: str
    settings_hash: str
    inputs: list[str] = Field(description="kind:hash of every input dataset, in argument order")
    numeric_profile: str


class Manifest(Record):
    """Written last: a dataset exists when its manifest exists."""

    format: int = 1
    kind: Identifier
    schema_version: int = Field(ge=1)
    rows: int = Field(ge=0)
    parts: list[Part]
    content_hash: Sha256
    origin: Origin

    @property
    def ref(self) -> DatasetRef:
        return DatasetRef(kind=self.kind, content_hash=self.content_hash, rows=self.rows)


def content_hash(kind: str, schema_version: int, parts: list[Part]) -> str:
    """sha256 over kind, schema version, and rows and hash of every part in order: the cut is part of identity."""
    return sha256_json([kind, schema_version, [[part.rows, part.hash] for part in parts]])
