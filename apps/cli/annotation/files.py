"""Files that are exchanged with other annotation tools."""

import json
from importlib.resources import files
from pathlib import Path

from apps.cli.annotation.text import visible
from millrace.annotation.exchange import Files
from millrace.errors import BadInputError, NotFoundError

_GUIDELINES = "guidelines.md"


def guidelines_text() -> str | None:
    """What annotators should go by, as Markdown; None where there is nothing."""
    file = files("configs") / _GUIDELINES
    return file.read_text(encoding="utf-8") if file.is_file() else None


def write_files(folder: Path, contents: Files) -> list[str]:
    """Write texts as they are and everything else as JSON; the paths written, sorted.

    Raises:
        BadInputError: one of the files is there already, or the folder cannot be written to.
    """
    there = sorted(name for name in contents if (folder / name).exists())
    if there:
        message = f"{folder} holds {', '.join(there)} already; name another folder with --out, or remove them"
        raise BadInputError(message, folder=str(folder), files=there)
    try:
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{folder} cannot be written to: {error}", folder=str(folder)) from error
    return sorted(contents)


def read_users(file: Path | None) -> dict[str, str]:
    """Names by the other tool's user ids; empty without a file.

    Raises:
        NotFoundError: no such file.
        BadInputError: not a JSON object of texts.
    """
    if file is None:
        return {}
    if not file.is_file():
        raise NotFoundError(f"no file {file}", file=str(file))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise BadInputError(f"{file}: not JSON: {error}", file=str(file)) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) and name.strip() for name in found.values()):
        raise BadInputError(f'{file}: give one JSON object of names by user id, as {{"3": "ann"}}', file=str(file))
    return {user: visible(name).strip() for user, name in found.items()}
