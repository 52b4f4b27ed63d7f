"""The third wall by itself, and all three with each of them taken away: another one still stops every kind of leak."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.datasets import store
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, conform
from millrace.datasets.validation import checked
from millrace.distillation import walls
from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.config import ExportConfig, PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.export_files import write_data
from millrace.distillation.export_form import exported
from millrace.distillation.firewall import Admission, admit
from millrace.distillation.judged_records import JudgedRecords
from millrace.distillation.preference import ProposedPairs, admit_pairs, preference_pairs
from millrace.distillation.rag import rag_rows
from millrace.distillation.sft import sft_rows
from millrace.distillation.walls import check_written
from millrace.errors import BadInputError, LeakError
from millrace.records.evidence import Export, Quarantined
from millrace.records.exports import PreferencePair, RagRow, SftRow
from tasks import training_data
from tasks.effect import effect
from tasks.home import Home
from tasks.parts import read_dataset, write_tables
from tasks.stage import stage
from tests.support.judged_evidence import Judged, contamination, facts_of, for_the_wall, judged, record, turn
from tests.tasks.turns import plain_turn

DEFAULTS = ExportConfig()
KNOWN = ["src/app.py", "docs/guide.md"]


@pytest.fixture
def good() -> Judged:
    """Two accepted records of two tasks, one with turns before it, and a rejected one beside each."""
    history = [turn("user", "Hello"), turn("assistant", "Good day.")]
    return judged(
        record(0, task_id="a"),
        record(1, task_id="b", history=history, tenant_id="mill"),
        record(2, "rejected", task_id="a", text="Never."),
        record(3, "rejected", task_id="b", history=history, tenant_id="mill", prompt=None, text="No idea."),
        record(4, "needs_human_review"),
        record(5, "partially_accepted"),
    )


def built(export: Export, given: Judged, rows: list[int], others: list[int]) -> pa.Table:
    """Rows of an export of any records at all, as an exporter without a firewall would build them."""
    places = pa.array(rows, pa.int64())
    if export == "preference":
        both = given.evidence.append_column("category", given.scores.column("category"))
        return preference_pairs(ProposedPairs(both.take(places), both.take(others), pa.array(["task"] * len(rows))))
    if export == "sft":
        return sft_rows(given.evidence.take(places), given.scores.take(places), SftConfig())
    return rag_rows(given.evidence.take(places), given.scores.take(places))


Check = Callable[..., int]


@pytest.fixture(params=["train.jsonl", "train.parquet"])
def check(request: pytest.FixtureRequest, tmp_path: Path, good: Judged) -> Check:
    """Writes the rows of an export and reads them again, after a change to what is written."""

    def write_and_check(
        export: Export,
        rows: list[int],
        others: list[int] | None = None,
        change: Callable[[list[dict[str, Any]]], object] = lambda rows: None,
        given: Judged = good,
        config: ExportConfig = DEFAULTS,
        contaminated: tuple[str, ...] = (),
        known: KnownFiles | None = None,
    ) -> int:
        path = tmp_path / request.param
        written = exported(export, built(export, given, rows, others or []))
        lines = written.to_pylist()
        change(lines)
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(lines, schema=written.schema), path)
        else:
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return check_written(export, path, lambda: iter([for_the_wall(given, contaminated)]), config, known)

    return write_and_check


def test_good_rows_pass_and_are_counted(check: Check) -> None:
    assert check("rag", [0, 1, 5]) == 3
    assert check("sft", [1, 0]) == 2
    assert check("preference", [0, 1], [2, 3]) == 2
    assert check("rag", []) == 0


@pytest.mark.parametrize(
    ("export", "rows", "config"),
    [
        ("rag", [0, 2], ExportConfig()),
        ("rag", [0, 4], ExportConfig()),
        ("rag", [0, 5], ExportConfig(rag=RagConfig(include_partial=False))),
        ("sft", [0, 2], ExportConfig(rag=RagConfig(include_review=True))),
        ("sft", [0, 4], ExportConfig(rag=RagConfig(include_review=True))),
        ("sft", [0, 5], ExportConfig()),
    ],
)
def test_a_category_that_must_not_be_there_is_named_with_its_row(
    check: Check, export: Export, rows: list[int], config: ExportConfig
) -> None:
    def disguise(written: list[dict[str, Any]]) -> None:
        for row in written:
            row["category"] = "accepted"

    with pytest.raises(LeakError, match=rf"(line|row) 2, record e{rows[1]}: its score is not accepted") as caught:
        check(export, rows, change=disguise, config=config)
    assert caught.value.details["evidence_id"] == f"e{rows[1]}"


def test_what_is_asked_for_may_be_there(check: Check) -> None:
    asked = ExportConfig(rag=RagConfig(include_review=True), sft=SftConfig(include_partial=True))
    assert check("rag", [0, 4, 5], config=asked) == 3
    assert check("sft", [0, 5], config=asked) == 2


def _set(place: int, *path: Any, to: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(rows: list[dict[str, Any]]) -> None:
        target: Any = rows[place]
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("export", "change", "what"),
    [
        ("rag", _set(1, "evidence_id", to="e99"), "it is no record of the evidence"),
        ("rag", _set(1, "evidence_id", to="e1\u200b"), "it is no record of the evidence"),
        ("rag", _set(1, "provenance", "sig_hash", to="0" * 64), "its sig_hash is not that of its record"),
        ("rag", _set(1, "text", to=" \u200b\u3164"), "its text is blank"),
        ("rag", _set(1, "text", to="Something else."), "its text is not that of its record"),
        ("rag", _set(1, "category", to="partially_accepted"), "its category is not that of its score"),
        ("rag", _set(1, "tenant_id", to="default"), "its tenant is not that of its record"),
        ("sft", _set(1, "messages", 1, "content", to="\u2800"), "its messages holds a blank message"),
        ("sft", _set(1, "messages", 3, "content", to="Something else."), "its text is not that of its record"),
        ("sft", _set(1, "messages", 2, "content", to="Why?"), "its prompt is not that of its record"),
        ("sft", _set(1, "messages", 3, "role", to="user"), "its messages does not end with the assistant"),
        ("sft", _set(1, "messages", to=[]), "its messages holds too few messages"),
        ("sft", _set(1, "provenance", "sig_hash", to="0" * 64), "its sig_hash is not that of its record"),
        ("preference", _set(1, "rejected", 0, "content", to="Something."), "its text is not that of its record"),
        ("preference", _set(1, "rejected", 0, "content", to=" OPEN  gate 1 and wait. "), "both sides say the same"),
        ("preference", _set(1, "rejected", 0, "content", to=""), "its rejected holds a blank message"),
        ("preference", _set(1, "chosen", to=[]), "its chosen holds too few messages"),
        ("preference", _set(1, "prompt", 0, "content", to="Hello, you"), "its prompt is not that of its record"),
        ("preference", _set(1, "prompt", 2, "content", to="Why?"), "its prompt is not that of its record"),
        ("preference", _set(1, "rejected_provenance", "sig_hash", to="0" * 64), "its sig_hash is not"),
        ("preference", _set(1, "rejected_id", to="e2"), "its sig_hash is not|its tenant is not|its text is not"),
        ("preference", _set(1, "rejected_id", to="e1"), "both sides are one record"),
        ("preference", _set(1, "chosen_category", to="rejected"), "its category is not that of its score"),
    ],
)
def test_a_change_to_a_written_row_is_found(
    check: Check, export: Export, change: Callable[[list[dict[str, Any]]], None], what: str
) -> None:
    with pytest.raises(LeakError, match=rf"(line|row) 2.*({what})"):
        check(export, [0, 1], [2, 3], change=change)


def test_a_row_written_twice_is_found(check: Check) -> None:
    with pytest.raises(LeakError, match=r"(line|row) 3, record e0: its record stands in an earlier row already"):
        check("rag", [0, 1, 0])
    with pytest.raises(LeakError, match=r"(line|row) 2, record e0: its pair stands in an earlier row already"):
        check("preference", [0, 0], [2, 2])


def test_pairs_that_are_none_are_found(check: Check) -> None:
    with pytest.raises(LeakError, match=r"both sides are one record|both sides say the same"):
        check("preference", [0], [0])
    with pytest.raises(LeakError, match="its score is not rejected or partially_accepted"):
        check("preference", [0], [1])
    with pytest.raises(LeakError, match="record e2: its score is not accepted"):
        check("preference", [2], [0])
    with pytest.raises(LeakError, match="record e3: its tenant is not that of its record"):
        check("preference", [0], [3])
    only = ExportConfig(preference=PreferenceConfig(partial_fallback=False))
    with pytest.raises(LeakError, match="record e5: its score is not rejected;"):
        check("preference", [0], [5], config=only)
    assert check("preference", [0], [5]) == 1


def test_eval_examples_are_found_on_both_sides(check: Check) -> None:
    for export, rows, others in (("rag", [0, 1], None), ("sft", [0, 1], None), ("preference", [0, 1], [2, 3])):
        with pytest.raises(LeakError, match=r"record e1: it is, or nearly is, an eval example"):
            check(export, rows, others, contaminated=("e1",))
    with pytest.raises(LeakError, match=r"record e3: it is, or nearly is, an eval example"):
        check("preference", [0, 1], [2, 3], contaminated=("e3",))
    with pytest.raises(LeakError, match=r"record e1: it is, or nearly is, an eval example"):
        check("rag", [0, 1], given=judged(record(0), record(1, split="eval")))


def test_the_first_record_with_an_id_is_the_one_that_counts(check: Check) -> None:
    twice = judged(record(0, "rejected"), record(1), record(0))
    with pytest.raises(LeakError, match="record e0: its score is not accepted"):
        check("rag", [1, 2], given=twice)


def test_a_forged_hash_of_the_evidence_itself_is_found(check: Check) -> None:
    with pytest.raises(LeakError, match="record e1: its sig_hash is not that of its row"):
        check("rag", [0, 1], given=judged(record(0), record(1, forged={"source_offset": 1})))


def test_a_file_that_does_not_exist_is_found(check: Check) -> None:
    claims = judged(record(0, claimed_files=["src/app.py"]), record(1, text="See src/ghost.py."))
    known = KnownFiles.of(KNOWN)
    assert check("rag", [0], given=claims, known=known) == 1
    with pytest.raises(LeakError, match="record e1: it names a file that does not exist"):
        check("rag", [0, 1], given=claims, known=known)


def test_evidence_is_read_once_for_files_that_are_known_alike(tmp_path: Path) -> None:
    given = judged(record(0), record(1, text="See src/ghost.py."))
    read: list[int] = []

    def tables() -> Iterator[pa.Table]:
        read.append(1)
        yield for_the_wall(given)

    pq.write_table(exported("rag", built("rag", given, [0, 1], [])), tmp_path / "x.parquet")
    records = JudgedRecords(tables)
    for _ in range(3):
        assert check_written("rag", tmp_path / "x.parquet", records, ExportConfig()) == 2
    assert len(read) == 1
    with pytest.raises(LeakError, match="a file that does not exist"):
        check_written("rag", tmp_path / "x.parquet", records, ExportConfig(), KnownFiles.of(KNOWN))


@pytest.mark.parametrize("content", [b"no json\n", b'{"evidence_id": 1}\n', b'["e0"]\n', b"\xff\xfe{}\n"])
def test_a_file_that_cannot_be_read_does_not_leave(tmp_path: Path, good: Judged, content: bytes) -> None:
    for name in ("x.jsonl", "x.parquet"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LeakError):
            check_written("rag", tmp_path / name, lambda: iter([for_the_wall(good)]), ExportConfig())


def test_a_row_without_the_columns_is_no_record(tmp_path: Path, good: Judged) -> None:
    (tmp_path / "x.jsonl").write_text('\n{"text": "Open."}\n')
    with pytest.raises(LeakError, match="line 2"):
        check_written("rag", tmp_path / "x.jsonl", lambda: iter([for_the_wall(good)]), ExportConfig())


# --- the three walls, with one or two of them taken away ---


@dataclass
class Leak:
    """Records of which the first must not be exported, or not as a pair with the second."""

    name: str
    rows: list[dict[str, Any]]
    exports: tuple[Export, ...] = ("rag", "sft")
    contaminated: tuple[str, ...] = ()
    pair: tuple[int, int] = (0, 1)


def _pair_leak(name: str, first: dict[str, Any], second: dict[str, Any], **more: Any) -> Leak:
    return Leak(name, [first, second], exports=("preference",), **more)


def _side(number: int, category: str, **fields: Any) -> dict[str, Any]:
    return record(number, category, task_id="t", text=f"Answer {number}.") | fields


LEAKS = [
    Leak("rejected", [record(0, "rejected")]),
    Leak("review", [record(0, "needs_human_review")]),
    Leak("partial", [record(0, "partially_accepted")], exports=("sft",)),
    Leak("blank", [record(0, text="\u200b \u3164")]),
    Leak("blank prompt", [record(0, prompt=" \u200b")], exports=("sft",)),
    Leak("no prompt", [record(0, prompt=None)], exports=("sft",)),
    Leak("forged", [record(0, forged={"row_hash": "0" * 64})]),
    Leak("no run", [record(0, run_id=None)]),
    Leak("blank run", [record(0, run_id=" ")]),
    Leak("no producer", [record(0, producer=None)]),
    Leak("ghost", [record(0, text="It is in src/ghost.py.")]),
    Leak("ghost claim", [record(0, claimed_files=["ghost.py"])]),
    Leak("twin", [record(1), record(0) | {"evidence_id": "e1", "text": "LEAK"}]),
    Leak("contaminated", [record(0)], contaminated=("e0",)),
    Leak("eval split", [record(0, split="eval")]),
    _pair_leak("self pair", _side(0, "accepted"), _side(1, "rejected"), pair=(0, 0)),
    _pair_leak("equal texts", _side(0, "accepted", text="So."), _side(1, "rejected", text=" SO. ")),
    _pair_leak("tenants", _side(0, "accepted"), _side(1, "rejected", tenant_id="other")),
    _pair_leak("prompts", _side(0, "accepted"), _side(1, "rejected", prompt="Why?")),
    _pair_leak("no gap", _side(0, "accepted"), _side(1, "accepted")),
    _pair_leak("upside down", _side(0, "rejected"), _side(1, "accepted")),
    _pair_leak("partial chosen", _side(0, "partially_accepted"), _side(1, "rejected")),
    _pair_leak("review", _side(0, "accepted"), _side(1, "needs_human_review")),
    _pair_leak("contaminated chosen", _side(0, "accepted"), _side(1, "rejected"), contaminated=("e0",)),
    _pair_leak("contaminated rejected", _side(0, "accepted"), _side(1, "rejected"), contaminated=("e1",)),
    _pair_leak("blank", _side(0, "accepted"), _side(1, "rejected", text="\u2800")),
    _pair_leak("forged", _side(0, "accepted"), _side(1, "rejected", forged={"run_id": "run-9"})),
    _pair_leak("ghost", _side(0, "accepted", text="In src/ghost.py."), _side(1, "rejected")),
]
CASES = [pytest.param(leak, export, id=f"{export}-{leak.name}") for leak in LEAKS for export in leak.exports]


WAYS: dict[str, tuple[Any, Any]] = {"rag": (RagRow, RagConfig()), "sft": (SftRow, SftConfig())}


def published(folder: Path, leak: Leak, export: Export, standing: set[int]) -> str:
    """The lines that come out when only these walls stand; the leak is proposed to every one of them."""
    given = judged(*leak.rows)
    rows = (
        _admitted_pairs(given, leak, standing) if export == "preference" else _admitted(export, given, leak, standing)
    )
    model = PreferencePair if export == "preference" else WAYS[export][0]
    stored = checked(model, rows) if 1 in standing else conform(model, rows, nullable=True)
    path = folder / "train.parquet"
    pq.write_table(exported(export, stored), path)
    if 3 in standing:
        tables = [for_the_wall(given, leak.contaminated)]
        check_written(export, path, lambda: iter(tables), ExportConfig(), KnownFiles.of(KNOWN))
    return json.dumps(pq.read_table(path).to_pylist())


def _admitted(export: Export, given: Judged, leak: Leak, standing: set[int]) -> pa.Table:
    facts, config = facts_of(given, leak.contaminated, KnownFiles.of(KNOWN)), WAYS[export][1]
    admission = admit(export, given.evidence, given.scores, facts, config)
    return built(
        export, given, list(np.flatnonzero(admission.mask)) if 2 in standing else list(range(len(leak.rows))), []
    )


def _admitted_pairs(given: Judged, leak: Leak, standing: set[int]) -> pa.Table:
    if 2 not in standing:
        return built("preference", given, [leak.pair[0]], [leak.pair[1]])
    config = PreferenceConfig()
    facts = facts_of(given, leak.contaminated, KnownFiles.of(KNOWN))
    sides = admit("preference", given.evidence, given.scores, facts, config).mask
    both = given.evidence.append_column("category", given.scores.column("category"))
    rows = [leak.pair] if sides[list(leak.pair)].all() else []
    proposed = ProposedPairs(
        both.take(pa.array([one for one, _ in rows], pa.int64())),
        both.take(pa.array([other for _, other in rows], pa.int64())),
        pa.array(["task"] * len(rows), pa.string()),
    )
    mask = pa.array(admit_pairs(proposed, config).mask)
    return preference_pairs(ProposedPairs(*(each.filter(mask) for each in proposed)))


def leaks_out(folder: Path, leak: Leak, export: Export, standing: set[int]) -> bool:
    return ("LEAK" if leak.name == "twin" else '"e0"') in published(folder, leak, export, standing)


@pytest.mark.parametrize("standing", [{2, 3}, {1, 2}, {2}])
@pytest.mark.parametrize(("leak", "export"), CASES)
def test_the_firewall_holds_whichever_other_wall_is_taken_away(
    tmp_path: Path, leak: Leak, export: Export, standing: set[int]
) -> None:
    assert not leaks_out(tmp_path, leak, export, standing)


@pytest.mark.parametrize("standing", [{1, 3}, {3}])
@pytest.mark.parametrize(("leak", "export"), CASES)
def test_without_the_firewall_nothing_is_published(
    tmp_path: Path, leak: Leak, export: Export, standing: set[int]
) -> None:
    with pytest.raises(BadInputError if standing == {1, 3} else (LeakError, ValueError)):
        published(tmp_path, leak, export, standing)


STOPPED_BY_THE_SCHEMA = {
    "rejected",
    "review",
    "no prompt",
    "no run",
    "no gap",
    "upside down",
    "partial chosen",
    "self pair",
}


@pytest.mark.parametrize(("leak", "export"), CASES)
def test_the_schema_alone_stops_what_a_row_says_of_itself(tmp_path: Path, leak: Leak, export: Export) -> None:
    said = leak.name in STOPPED_BY_THE_SCHEMA and (leak.name, export) != ("review", "rag")
    if said:
        with pytest.raises(BadInputError):
            published(tmp_path, leak, export, {1})
    else:
        assert leaks_out(tmp_path, leak, export, {1})


@pytest.mark.parametrize(("leak", "export"), [case for case in CASES if case.id not in ("rag-no run", "sft-no run")])
def test_without_walls_every_leak_gets_out(tmp_path: Path, leak: Leak, export: Export) -> None:
    """So the tests above would notice. A row without a run or a prompt has no form to be written in at all."""
    if leak.name in ("no run", "no prompt"):
        with pytest.raises(ValueError, match="null"):
            published(tmp_path, leak, export, set())
    else:
        assert leaks_out(tmp_path, leak, export, set())


# --- the same in the stages that a flow calls ---


@pytest.fixture
def flow(home: Home) -> Callable[[Leak, Export], str]:
    """Exports a leak by the stages and publishes it; gives what stands in the file."""

    @effect
    def publish(inputs: list[DatasetRef], export: str, rows: DatasetRef) -> str:
        folder = Path("published")
        folder.mkdir()
        write_data(folder, export, read_dataset(rows).parts())  # type: ignore[arg-type]
        scored = training_data.scored_evidence(*inputs)
        walls.check_written(export, folder / "train.jsonl", scored, ExportConfig())  # type: ignore[arg-type]
        return (folder / "train.jsonl").read_text()

    def run(leak: Leak, export: Export) -> str:
        given = judged(*leak.rows)

        @stage
        def bring() -> list[DatasetRef]:
            return write_tables(
                evidence=given.evidence, evidence_scores=given.scores, contamination=contamination(*leak.contaminated)
            )

        def body() -> str:
            inputs = bring()
            if export == "preference":
                made = training_data.export_preference(*inputs, None, PreferenceConfig())
            else:
                made = getattr(training_data, f"export_{export}")(*inputs, None, WAYS[export][1])
            return publish(inputs, export, made.rows)

        found: str = plain_turn(body)
        return found

    return run


Flow = Callable[[Leak, Export], str]


@pytest.fixture
def no_firewall(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = arrow_schema(Quarantined).empty_table()
    everything = lambda rows: Admission(np.ones(len(rows), dtype=np.bool_), nothing)  # noqa: E731
    monkeypatch.setattr(training_data, "admit", lambda _, rows, *rest: everything(rows))
    monkeypatch.setattr(training_data, "admit_pairs", lambda pairs, _: everything(pairs.basis))


def _all_leaks(export: Export) -> Leak:
    """The leaks that a row's own words do not give away, in one run."""
    silent = [leak for leak in LEAKS if export in leak.exports and leak.name in ("blank", "forged", "no producer")]
    return Leak("all", [leak.rows[0] | {"evidence_id": f"e0-{at}"} for at, leak in enumerate(silent)])


@pytest.mark.usefixtures("no_firewall")
@pytest.mark.parametrize("export", ["rag", "sft"])
def test_stages_without_the_firewall_are_stopped_by_the_other_walls(flow: Flow, export: Export) -> None:
    with pytest.raises(BadInputError, match="category: Input should be"):
        flow(LEAKS[0], export)


@pytest.mark.usefixtures("no_firewall")
@pytest.mark.parametrize("export", ["rag", "sft"])
def test_stages_without_the_firewall_publish_nothing_that_the_schema_cannot_see(flow: Flow, export: Export) -> None:
    with pytest.raises(LeakError, match=r"line 1"):
        flow(_all_leaks(export), export)


@pytest.mark.usefixtures("no_firewall")
def test_pairs_of_the_stages_without_the_firewall_are_stopped(flow: Flow) -> None:
    with pytest.raises(LeakError, match="both sides say the same"):
        flow(next(leak for leak in LEAKS if leak.name == "equal texts"), "preference")


@pytest.mark.parametrize("export", ["rag", "sft"])
def test_stages_without_the_schema_and_the_third_wall_export_no_leak(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, export: Export
) -> None:
    monkeypatch.setattr(store, "checked", lambda model, table: conform(model, table, nullable=True))
    monkeypatch.setattr(walls, "check_written", lambda *_: 0)
    assert flow(LEAKS[0], export) == ""
