"""What Prefect keeps of a person: results, artifacts, form pages and whatever else lies in its database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH
from pydantic import Field
from sqlalchemy import make_url

from millrace.governance.erasure_marks import Marks
from millrace.records.base import Record

_ROWS_THAT_GO = frozenset({"artifact", "artifact_collection", "flow_run_input", "log"})
_PATIENCE_S = 30


class PrefectErased(Record):
    """What was erased there, and what could not be."""

    n_results: int = 0
    n_rows: int = 0
    problems: list[str] = Field(default=[])


def erase_from_prefect_now(home_root: Path, marks: Marks, hashes: set[str]) -> PrefectErased:
    """Delete results and rows with the person's words, and write the database anew where it is a local file."""
    n_results = _erase_results(home_root, marks, hashes)
    path, problems = _database()
    if path is None or not path.is_file():
        return PrefectErased(n_results=n_results, problems=problems)
    try:
        n_rows = _erase_rows(path, marks)
        problems += _write_anew(path)
    except sqlite3.Error as error:
        return PrefectErased(n_results=n_results, problems=[*problems, f"Prefect's database at {path}: {error}"])
    return PrefectErased(n_results=n_results, n_rows=n_rows, problems=problems)


def prefect_leftovers(marks: Marks) -> tuple[int, int]:
    """Results and rows of the database that hold a mark."""
    path, _ = _database()
    results = sum(_is_marked(file, marks) for file in _results())
    if path is None or not path.is_file():
        return results, 0
    with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as connection:
        return results, sum(len(_marked(connection, table, marks)) for table in _tables(connection))


def _results() -> list[Path]:
    folder = PREFECT_LOCAL_STORAGE_PATH.value()
    return [path for path in sorted(Path(folder).rglob("*")) if path.is_file()] if folder else []


def _erase_results(home_root: Path, marks: Marks, hashes: set[str]) -> int:
    """In a folder of this home all of them, which are a cache; of a shared one those that are concerned."""
    gone = 0
    for path in _results():
        own = path.is_relative_to(home_root)
        if own or _is_marked(path, marks) or any(each in path.read_text(errors="replace") for each in hashes):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _is_marked(path: Path, marks: Marks) -> bool:
    return marks.is_in(path.read_text(encoding="utf-8", errors="replace"))


def _database() -> tuple[Path | None, list[str]]:
    """Prefect's database where it is a local file; else what is to be done there."""
    setting: Any = PREFECT_API_DATABASE_CONNECTION_URL.value()  # a secret or a string, by where it was set
    url = make_url(str(getattr(setting, "get_secret_value", lambda: setting)()))
    served = PREFECT_API_URL.value()
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None, [
            f"Prefect's database is no local file ({url.get_backend_name()}): delete the runs concerned there"
        ]
    path = Path(str(url.database))
    if served and not path.is_file():
        return None, [f"the Prefect server at {served} keeps its database elsewhere: delete the runs concerned there"]
    return path, []


def _erase_rows(path: Path, marks: Marks) -> int:
    n_rows = 0
    with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        for table in _tables(connection):
            marked = _marked(connection, table, marks)
            with connection:
                for rowid, values in marked:
                    _erase_row(connection, table, rowid, values, marks)
            n_rows += len(marked)
    return n_rows


def _erase_row(connection: sqlite3.Connection, table: str, rowid: int, values: dict[str, str], marks: Marks) -> None:
    if table in _ROWS_THAT_GO:
        connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (rowid,))  # noqa: S608  a name of the schema's
        return
    for column, text in values.items():
        new = _scrubbed(text, marks)
        connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (new, rowid))  # noqa: S608


def _scrubbed(text: str, marks: Marks) -> str:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return marks.redacted(text)
    return json.dumps(marks.scrubbed(value)[0])


def _write_anew(path: Path) -> list[str]:
    """Free pages and the write-ahead log hold what was deleted until then."""
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        return [f"free pages of Prefect's database were not written anew ({error}): end its server and run again"]
    return ["Prefect's write-ahead log is still read: end its server and run again"] if busy else []


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return sorted(row[0] for row in connection.execute(query))


def _marked(connection: sqlite3.Connection, table: str, marks: Marks) -> list[tuple[int, dict[str, str]]]:
    cursor = connection.execute(f'SELECT rowid, * FROM "{table}"')  # noqa: S608  a name of the schema's
    names = [column[0] for column in cursor.description][1:]
    found = []
    for rowid, *values in cursor:
        texts = {name: value for name, value in zip(names, values, strict=True) if isinstance(value, str)}
        held = {name: text for name, text in texts.items() if marks.is_in(text)}
        if held:
            found.append((rowid, held))
    return found
