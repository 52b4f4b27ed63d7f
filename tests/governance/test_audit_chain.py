"""The audit log's check: what was done to the stored rows is found, and what was not is not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.canonical import canonical_json
from millrace.governance.audit_chain import MOST_FINDINGS, AuditVerdict, Witness, read_entry, verify_chain
from millrace.ledger.audit_log import START, entry_hash
from millrace.records.governance import AuditEntry, AuditHead

T0 = datetime(2026, 11, 16, 9, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACTIONS = ["approval-asked", "approval-decided", "release-frozen", "hold-placed"]
Row = dict[str, Any]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
details = st.dictionaries(texts, st.none() | st.booleans() | st.integers() | st.floats(-9, 9, width=16) | texts)
moments = st.integers(0, 2_000_000_000_000_000).map(lambda micros: EPOCH + timedelta(microseconds=micros))


def sealed(row: Row) -> Row:
    """The row with the hash that belongs to it."""
    entry = read_entry(row | {"hash": "0" * 64})
    assert isinstance(entry, AuditEntry), entry
    return row | {"hash": entry_hash(entry)}


def row_of(sequence: int, previous: str, at: datetime, actor: str, action: str, subject: str, about: Any) -> Row:
    micros = (at - EPOCH) // timedelta(microseconds=1)
    row: Row = {"sequence": sequence, "at": micros, "actor": actor, "action": action, "subject": subject}
    return sealed(row | {"details": canonical_json(about).decode(), "previous": previous, "hash": ""})


def log_of(contents: list[tuple[Any, ...]]) -> list[Row]:
    rows: list[Row] = []
    for number, content in enumerate(contents, start=1):
        rows.append(row_of(number, rows[-1]["hash"] if rows else START.hash, *content))
    return rows


def chained_again(rows: list[Row], start: int) -> list[Row]:
    """Rows from a place on with numbers, links and hashes made anew: what somebody does who knows how."""
    done = rows[:start]
    for row in rows[start:]:
        link = {"sequence": len(done) + 1, "previous": done[-1]["hash"] if done else START.hash}
        done.append(sealed(row | link))
    return done


def head_of(rows: list[Row]) -> AuditHead:
    return AuditHead(sequence=len(rows), hash=rows[-1]["hash"]) if rows else START


def witness(head: AuditHead | None, name: str = "w") -> list[Witness]:
    return [Witness(name, head)]


def stored(rows: list[Row]) -> list[Row]:
    """In the order in which a ledger gives them."""
    return sorted(rows, key=lambda row: row["sequence"])


def simple(n: int) -> list[Row]:
    return log_of([(T0 + timedelta(minutes=k), "ada", ACTIONS[k % 4], f"run-{k}", {"n": k}) for k in range(n)])


def problems(verdict: AuditVerdict) -> set[str]:
    return {each.problem for each in verdict.findings}


logs = st.lists(st.tuples(moments, texts, st.sampled_from(ACTIONS), texts, details), min_size=1, max_size=8).map(log_of)


@given(logs, st.data())
@settings(max_examples=25, deadline=None)
def test_an_untouched_log_verifies_beside_any_heads_it_ever_had(rows: list[Row], data: st.DataObject) -> None:
    streams = data.draw(st.lists(st.lists(st.integers(0, len(rows))).map(sorted), max_size=3))
    heads = [[Witness("w", head_of(rows[:n])) for n in stream] for stream in streams]
    verdict = verify_chain(iter(rows), *map(iter, heads))
    assert verdict.findings == []
    assert verdict.verified
    assert verdict.head == head_of(rows)
    assert (verdict.n_entries, verdict.n_witnesses) == (len(rows), sum(map(len, heads)))


def edited(rows: list[Row], data: st.DataObject) -> tuple[list[Row], int]:
    """One field of one row is another; what is stored is, whether or not it means the same."""
    place = data.draw(st.integers(0, len(rows) - 1))
    field = data.draw(st.sampled_from(sorted(rows[place])))
    old = rows[place][field]
    number = st.integers(-(2**63), 2**63 - 1) | st.none() | texts | st.floats() | st.binary(max_size=4)
    text = texts | st.none() | st.integers() | st.binary(max_size=4) | st.just("") | st.just("\udcff")
    spaced = st.just(f" {old}") | st.just(json.dumps(json.loads(old), indent=1)) if field == "details" else st.nothing()
    new = data.draw(
        (number if field in ("sequence", "at") else text | spaced).filter(lambda v: v != old or v is not old)
    )
    if type(new) is type(old) and new == old:
        new = None
    return [row | {field: new} if n == place else row for n, row in enumerate(rows)], place


def deleted(rows: list[Row], data: st.DataObject) -> list[Row]:
    start = data.draw(st.integers(0, len(rows) - 1))
    return rows[:start] + rows[start + data.draw(st.integers(1, len(rows) - start)) :]


def inserted(rows: list[Row], data: st.DataObject) -> list[Row]:
    """A well-made row in between; those behind it move on by one, as they are."""
    place = data.draw(st.integers(0, len(rows) - 1))
    previous = rows[place - 1]["hash"] if place else START.hash
    new = row_of(place + 1, previous, T0, "eve", "hold-placed", "x", {"n": data.draw(st.integers())})
    moved = [row | {"sequence": row["sequence"] + 1} for row in rows[place:]]
    return [*rows[:place], new, *moved]


def swapped(rows: list[Row], data: st.DataObject) -> list[Row]:
    if len(rows) < 2:
        return deleted(rows, data)
    one, other = sorted(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True)))
    done = list(rows)
    done[one] = rows[other] | {"sequence": one + 1}
    done[other] = rows[one] | {"sequence": other + 1}
    return [sealed(row) for row in done] if data.draw(st.booleans()) else done


def reordered(rows: list[Row], data: st.DataObject) -> list[Row]:
    """As no ledger gives them, but a file could."""
    if len(rows) < 2:
        return deleted(rows, data)
    done = list(rows)
    place = data.draw(st.integers(0, len(rows) - 2))
    done[place], done[place + 1] = done[place + 1], done[place]
    return done


def duplicated(rows: list[Row], data: st.DataObject) -> list[Row]:
    place = data.draw(st.integers(0, len(rows) - 1))
    if data.draw(st.booleans()):
        return [*rows[: place + 1], *rows[place:]]
    return [*rows, rows[place] | {"sequence": len(rows) + 1}]


def one_edited_and_hashed(rows: list[Row], data: st.DataObject) -> list[Row]:
    place = data.draw(st.integers(0, len(rows) - 1))
    return [sealed(row | {"actor": row["actor"] + "!"}) if n == place else row for n, row in enumerate(rows)]


def tail_hashed(rows: list[Row], data: st.DataObject) -> list[Row]:
    place = data.draw(st.integers(0, len(rows) - 1))
    forged = [*rows[:place], rows[place] | {"actor": rows[place]["actor"] + "!"}, *rows[place + 1 :]]
    return chained_again(forged, place)


def run_cut_and_hashed(rows: list[Row], data: st.DataObject) -> list[Row]:
    place = data.draw(st.integers(0, len(rows) - 1))
    return chained_again(rows[:place] + rows[place + 1 :], place)


TAMPERING: dict[str, Callable[[list[Row], st.DataObject], list[Row]]] = {
    "edited": lambda rows, data: edited(rows, data)[0],
    "deleted": deleted,
    "inserted": inserted,
    "swapped": swapped,
    "reordered": reordered,
    "duplicated": duplicated,
    "one edited and hashed": one_edited_and_hashed,
    "tail hashed": tail_hashed,
    "run cut and hashed": run_cut_and_hashed,
}


@pytest.mark.parametrize("how", list(TAMPERING))
@given(rows=logs, data=st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_is_done_to_the_rows_is_found_beside_the_last_head(
    how: str, rows: list[Row], data: st.DataObject
) -> None:
    tampered = TAMPERING[how](rows, data)
    verdict = verify_chain(tampered, witness(head_of(rows)))
    assert not verdict.verified
    assert verdict.n_findings == len(verdict.findings) > 0


@given(rows=logs.filter(lambda rows: len(rows) > 1), data=st.data())
@settings(max_examples=25, deadline=None)
def test_an_edit_that_leaves_the_end_alone_is_found_without_any_witness(rows: list[Row], data: st.DataObject) -> None:
    tampered, place = edited(rows, data)
    verdict = verify_chain(tampered)
    assert not verdict.verified
    if tampered[place]["sequence"] == place + 1:
        assert verdict.first_bad == place + 1


@given(logs)
@settings(max_examples=25, deadline=None)
def test_only_a_witness_finds_an_end_cut_off_or_a_tail_made_anew(rows: list[Row]) -> None:
    for forged in (rows[:-1], chained_again([rows[0] | {"subject": "other than before"}, *rows[1:]], 0)):
        assert verify_chain(forged).verified
        assert not verify_chain(forged, witness(head_of(rows))).verified


def test_every_kind_of_damage_is_named_with_its_place() -> None:
    rows = simple(6)
    cut = verify_chain(rows[:2] + rows[4:])
    assert [(each.sequence, each.problem) for each in cut.findings] == [(3, "missing"), (5, "broken_link")]
    assert "3 to 4 missing" in cut.findings[0].message
    assert cut.first_bad == 3
    one = verify_chain([row | {"actor": "eve"} if row["sequence"] == 3 else row for row in rows])
    assert [(each.sequence, each.problem) for each in one.findings] == [(3, "edited")]
    again = verify_chain([sealed(row | {"actor": "eve"}) if row["sequence"] == 3 else row for row in rows])
    assert [(each.sequence, each.problem) for each in again.findings] == [(4, "broken_link")]
    short = verify_chain(rows[:4], witness(head_of(rows), "away"))
    assert [(e.sequence, e.problem, e.witness) for e in short.findings] == [(5, "truncated", "away")]
    anew = verify_chain(chained_again([rows[0] | {"actor": "eve"}, *rows[1:]], 0), witness(head_of(rows[:2])))
    assert [(each.sequence, each.problem) for each in anew.findings] == [(2, "witness_differs")]
    twice = verify_chain([*rows[:3], *rows[2:]])
    assert ("out_of_place", 3) in [(each.problem, each.sequence) for each in twice.findings]
    first = verify_chain(rows[1:])
    assert [(each.sequence, each.problem) for each in first.findings] == [(1, "missing"), (2, "broken_link")]


def test_an_empty_log_verifies_unless_somebody_saw_an_entry() -> None:
    assert verify_chain([]).head == START
    assert verify_chain([]).verified
    assert problems(verify_chain([], witness(head_of(simple(1))))) == {"truncated"}
    assert problems(verify_chain([], witness(AuditHead(sequence=0, hash="1" * 64)))) == {"witness_differs"}


def test_witnesses_that_go_back_or_cannot_be_read_are_findings() -> None:
    rows = simple(4)
    back = verify_chain(rows, [Witness("f:1", head_of(rows[:3])), Witness("f:2", head_of(rows[:2]))])
    assert [(each.problem, each.witness) for each in back.findings] == [("witness_goes_back", "f:2")]
    bad = verify_chain(rows, [Witness("f:1", None, message="it is no anchor"), Witness("f:2", head_of(rows))])
    assert [(each.problem, each.witness, each.sequence) for each in bad.findings] == [
        ("witness_unreadable", "f:1", None)
    ]
    gone = verify_chain(rows[:1] + rows[2:], witness(head_of(rows[:2])))
    assert [(each.sequence, each.problem, each.witness) for each in gone.findings if each.witness is None][-1] == (
        3,
        "broken_link",
        None,
    )
    assert ("missing", "w") in [(each.problem, each.witness) for each in gone.findings]


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": None},
        {"sequence": "x"},
        {"sequence": 2**80},
        {"at": 2**62},
        {"at": 1.5},
        {"details": "{"},
        {"details": "[" * 100_000},
        {"details": '{"n": 1}'},
        {"details": '{"n":NaN}'},
        {"details": "[]"},
        {"details": b"{}"},
        {"actor": ""},
        {"actor": "\udcff"},
        {"action": "danced"},
        {"previous": "A" * 64},
        {"hash": None},
    ],
)
def test_a_row_that_no_append_wrote_is_a_finding_and_no_crash(change: Row) -> None:
    rows = simple(3)
    verdict = verify_chain([rows[0], rows[1] | change, rows[2]])
    assert "unreadable" in problems(verdict)
    json.dumps(verdict.model_dump(mode="json")).encode()


def test_a_row_with_nothing_in_it_is_a_finding() -> None:
    assert problems(verify_chain([{}])) == {"unreadable"}
    assert verify_chain([{}]).head is None


def test_findings_are_counted_beyond_those_that_are_listed() -> None:
    rows = [row | {"actor": "eve"} for row in simple(MOST_FINDINGS + 20)]
    verdict = verify_chain(rows)
    assert len(verdict.findings) == MOST_FINDINGS
    assert verdict.n_findings == MOST_FINDINGS + 20
    assert verdict.first_bad == 1


def test_rows_and_witnesses_are_read_as_they_come() -> None:
    """The witnesses are not drawn further than the rows are: neither has to fit into memory."""
    rows, drawn = simple(50), []

    def notes() -> Any:
        for n in range(1, 51):
            drawn.append(n)
            yield Witness("w", head_of(rows[:n]))

    def coming() -> Any:
        for row in rows:
            assert len(drawn) <= row["sequence"] + 2
            yield row

    assert verify_chain(coming(), notes()).verified
