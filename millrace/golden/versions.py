"""Semantic versions of golden datasets (A32)."""

from millrace.errors import BadInputError

FIRST_VERSION = "1.0.0"


def next_version(parent: str, *, added: int = 0, removed: int = 0, schema_changed: bool = False) -> str:
    """The version after a change: major on a removal or another schema, minor on an addition, else the parent's."""
    major, minor, _ = version_key(parent)
    if removed or schema_changed:
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if added else parent


def version_key(version: str) -> tuple[int, int, int]:
    """Major, minor and patch as numbers, by which versions sort.

    Raises:
        BadInputError: not three numbers with points between.
    """
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadInputError(f"{version!r} is no version; expected three numbers, as 1.2.0", version=version)
    major, minor, patch = map(int, parts)
    return major, minor, patch
