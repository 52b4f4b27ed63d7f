"""What all records share."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME_BYTES = 160  # file systems take 255, and files add a word or two


class Record(BaseModel):
    """A closed, immutable row: unknown fields are refused, NaN and infinity too."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Measured:
    """Marks a field whose value is observed, not computed (durations, costs as billed, the commit that ran).

    Measured fields are stored in a sibling file outside the content hash.
    """


def name_problem(name: str) -> str | None:
    """Why a name cannot be that of a file or folder of its own; None when it can.

    What is refused could lead out of the folder it is joined to, hide in it, or not be written at all.
    """
    if not name or name.startswith("."):
        return "is empty or begins with a dot"
    if any(sign in "/\\" or ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in name):
        return "holds a slash, a backslash or a control character"
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    return f"is longer than {_NAME_BYTES} bytes" if n_bytes > _NAME_BYTES else None


def _as_file_name(name: str) -> str:
    problem = name_problem(name)
    if problem is not None:
        raise ValueError(f"{name[:80]!r} {problem}: it names a folder, so choose a plain word")
    return name


Identifier = Annotated[str, Field(min_length=1, max_length=512)]
FileName = Annotated[
    str, Field(min_length=1, max_length=_NAME_BYTES, pattern=r"^[^./\\][^/\\]*$"), AfterValidator(_as_file_name)
]
"""An identifier that becomes the name of a file or folder."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
