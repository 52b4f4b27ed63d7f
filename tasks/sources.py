"""Names the user's files by content, and finds rule tables by name."""

import hashlib
from importlib.resources import files
from pathlib import Path

from millrace.datasets.canonical import sha256_json
from millrace.errors import NotFoundError
from millrace.records.source import SourceRef

_BLOCK = 2**20


def source_ref(path: str) -> SourceRef:
    """A file, or a folder by the relative paths and contents of the files in it; hidden ones are left out.

    Raises:
        NotFoundError: nothing there.
    """
    place = Path(path)
    if place.is_dir():
        members = sorted(member for member in place.rglob("*") if member.is_file() and not _hidden(member, place))
        digest = sha256_json([[member.relative_to(place).as_posix(), _sha256(member)] for member in members])
    elif place.is_file():
        digest = _sha256(place)
    else:
        raise NotFoundError(f"no file or folder {path}", path=path)
    return SourceRef(path=str(place.absolute()), name=place.resolve().name, sha256=digest)


def table_path(name: str, folder: str = "") -> Path:
    """A rule table by the name it has in ``configs/``, or by the path of a file of one's own.

    Raises:
        NotFoundError: neither exists; the message lists the bundled names.
    """
    bundled = Path(str(files("configs"))) / folder
    candidate = bundled / f"{name}.yaml"
    if candidate.is_file():
        return candidate
    if Path(name).is_file():
        return Path(name)
    names = ", ".join(sorted(path.stem for path in bundled.glob("*.yaml")))
    raise NotFoundError(f"no table {name!r}: give a path, or one of {names}", name=name)


def _hidden(member: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in member.relative_to(root).parts)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
