import pickle
import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from millrace.errors import BadInputError, NotFoundError, UnavailableError
from millrace.ledger import engines, pins
from millrace.ledger.schema import CanonicalJson, Time, meta
from millrace.ledger.store import Ledger

DIALECT = sqlite.dialect()


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folders" / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        pins.pin(ledger, "r1", "seed", 7)
    with Ledger.open(f"sqlite:///{path}", create=False) as ledger:
        assert pins.pins_of(ledger, "r1") == {"seed": 7}
    assert [file.name for file in path.parent.iterdir()] == ["ledger.sqlite"]


def test_every_sqlite_connection_is_durable_checks_references_and_lets_readers_in(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger, ledger.read() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 1, 30_000]  # 2 is FULL


def pin_and_fail(ledger: Ledger, name: str) -> None:
    with ledger.write():
        pins.pin(ledger, "r1", name, 1)
        raise RuntimeError


def test_a_block_that_raises_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError):
        pin_and_fail(ledger, "a")
    assert pins.pins_of(ledger, "r1") == {}


def test_an_inner_block_that_raises_is_undone_alone(ledger: Ledger) -> None:
    with ledger.write():
        pins.pin(ledger, "r1", "a", 1)
        with pytest.raises(RuntimeError):
            pin_and_fail(ledger, "b")
        assert pins.pins_of(ledger, "r1") == {"a": 1}  # a read inside sees what was written inside
    assert pins.pins_of(ledger, "r1") == {"a": 1}


def test_a_transaction_for_reading_cannot_write(ledger: Ledger) -> None:
    with pytest.raises((BadInputError, DBAPIError)), ledger.read() as connection:
        connection.execute(meta.insert().values(name="x", value="y"))
    assert pins.pin(ledger, "r1", "a", 1) == 1  # on the same connection, the next one may


def test_a_new_file_is_in_wal_mode_when_it_appears(tmp_path: Path) -> None:
    engines.engine_of(tmp_path / "ledger.sqlite", create=True).dispose()  # nobody has connected yet
    header = (tmp_path / "ledger.sqlite").read_bytes()[:20]
    assert header[18:20] == b"\x02\x02"  # SQLite file format, section 1.3.3: 2 is WAL


def test_others_read_while_one_writes_and_see_only_commits(ledger: Ledger) -> None:
    seen = []
    with ledger.write():
        pins.pin(ledger, "r1", "a", 1)
        reader = threading.Thread(target=lambda: seen.append(pins.pins_of(ledger, "r1")))
        reader.start()
        reader.join()
    assert seen == [{}]


def test_threads_share_a_ledger_and_the_first_pin_wins(ledger: Ledger) -> None:
    results: list[int] = []
    workers = [
        threading.Thread(target=lambda value=value: results.append(pins.pin(ledger, "r1", "x", value)))
        for value in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 8
    assert set(results) == {pins.pins_of(ledger, "r1")["x"]}


def test_a_ledger_that_stays_locked_is_unavailable_not_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as first, Ledger.open(path) as second, first.write():
        with pytest.raises(UnavailableError, match="stayed locked"):
            pins.pin(second, "r1", "a", 1)
        assert pins.pins_of(second, "r1") == {}


def test_an_absent_ledger_is_not_made_when_it_must_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no ledger"):
        Ledger.open(tmp_path / "none.sqlite", create=False)
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(NotFoundError, match="no ledger"):
        Ledger.open(tmp_path / "empty.sqlite", create=False)


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and long enough to have a header of one" * 4)
    before = text.read_bytes()
    with pytest.raises(BadInputError, match="cannot be used"):
        Ledger.open(text)
    assert text.read_bytes() == before

    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(BadInputError, match="another program's tables"):
        Ledger.open(other)


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "://", "duckdb:///x"])
def test_only_sqlite_files_and_postgresql_are_taken(url: str) -> None:
    with pytest.raises(BadInputError):
        Ledger.open(url)


def test_a_missing_driver_is_named_and_the_password_is_not() -> None:
    with pytest.raises(BadInputError, match="install psycopg") as caught:
        Ledger.open("postgresql+nosuch://ada:secret@host/ledger")
    assert "secret" not in str(caught.value)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(minutes=345))])))
def test_times_keep_their_instant_to_the_microsecond_and_their_order(time: datetime) -> None:
    stored = Time().process_bind_param(time, DIALECT)
    assert stored is not None
    back = Time().process_result_value(stored, DIALECT)
    assert back == time
    assert back is not None
    assert back.tzinfo is UTC
    earlier = Time().process_bind_param(datetime(1, 1, 2, tzinfo=UTC), DIALECT)
    assert earlier is not None
    assert (earlier < stored) == (datetime(1, 1, 2, tzinfo=UTC) < time)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_json_comes_back_as_it_went_in(value: object) -> None:
    assert CanonicalJson().process_result_value(CanonicalJson().process_bind_param(value, DIALECT), DIALECT) == value


def test_values_that_cannot_be_stored_are_named_by_an_error_that_survives_pickling(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="canonical JSON") as caught:
        pins.pin(ledger, "r1", "x", float("nan"))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301
    with pytest.raises(BadInputError, match="without a time zone"), ledger.write():
        Time().process_bind_param(datetime(2026, 1, 5), DIALECT)
    assert pins.pins_of(ledger, "r1") == {}
