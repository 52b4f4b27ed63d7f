"""What a row of the registry is, and what its readers have in common."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel

from millrace.datasets.schema import measured_fields
from millrace.datasets.validation import checked
from millrace.datasets.values import table_hash
from millrace.methods.redaction import Redactor
from tasks.tables import redaction_rules
from tests.hostile import tokens
from tests.hostile.child import Read
from tests.hostile.mutation import Files

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
JSON_WORDS = (*tokens.NUMBERS, *tokens.TEXTS, *tokens.VALUES)
YAML_WORDS = (*tokens.NUMBERS, *tokens.TEXTS, *tokens.VALUES, *tokens.YAML, *tokens.YAML)
MARKUP_WORDS = (*tokens.MARKUP, *tokens.TEXTS, *tokens.BYTES)
BINARY_WORDS = (*tokens.BYTES, *tokens.NUMBERS[:10])
PDF_WORDS = (*tokens.PDF, *tokens.BYTES)


@dataclass(frozen=True)
class Reader:
    """A way in which Millrace reads what others may have written.

    Attributes:
        read: reads the input; ends in a result or an error.
        seeds: sound inputs, from which hostile ones are made.
        modules: those that parse something on its account, see ``test_registry``.
        is_folder: whether what lies in the folder may be hostile too, links among it.
        share: of the inputs of a torture run, where 1 is a plain share.
    """

    name: str
    read: Read
    seeds: Callable[[], Sequence[Files]]
    words: Sequence[bytes]
    modules: tuple[str, ...]
    is_folder: bool = False
    share: float = 1.0


class LostBatchError(Exception):
    """Rows that a reader took cannot be stored: one of them would take its whole batch with it."""


def the_file(folder: Path) -> Path:
    """The only file of an input."""
    (found,) = folder.iterdir()
    return found


def one_file(name: str, *contents: bytes) -> list[Files]:
    """Seeds of one file each, all of one name."""
    return [{name: content} for content in contents]


def bundled(pattern: str) -> list[bytes]:
    """Files of the repository."""
    return [path.read_bytes() for path in sorted(ROOT.glob(pattern))]


def shared_lines(file: str, n_lines: int) -> list[bytes]:
    """The first lines of a file of real data; nothing where that is absent."""
    path = SHARED / file
    if not path.is_file():
        return []
    with path.open("rb") as lines:
        return [b"".join(next(lines) for _ in range(n_lines))]


@cache
def redactor() -> Redactor:
    """With the rules that come with Millrace."""
    return Redactor(redaction_rules())


def storable(model: type[BaseModel], table: pa.Table) -> None:
    """Raises LostBatchError when a dataset could not hold the table."""
    try:
        whole = checked(model, table)
        table_hash(whole.drop_columns(measured_fields(model)))
    except Exception as error:
        raise LostBatchError(f"{model.__name__}: {error}") from error


def exhaust(batches: Iterable[object]) -> None:
    """Read to the end."""
    for _ in batches:
        pass
