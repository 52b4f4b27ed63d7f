"""Every kind of leak, planted in many disguises among good records and run through the stages: none gets through."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.config import ExportConfig, PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.conversations import MAX_BYTES
from millrace.distillation.export_files import write_data
from millrace.distillation.walls import check_written
from millrace.records.source import SourceRef
from tasks.effect import effect
from tasks.home import Home
from tasks.parts import read_dataset, write_parts, write_tables
from tasks.stage import stage
from tasks.training_data import ExportedRows, export_preference, export_rag, export_sft, known_files_of, scored_evidence
from tests.support.judged_evidence import contamination, judged, record, turn
from tests.tasks.turns import plain_turn

KNOWN_PATHS = ["src/app.py", "src/core/rules.py", "docs/guide.md", "README.md"]
EXPORTS = ("rag", "sft", "preference")
NUMBERS = count(1)


@dataclass
class Variant:
    """Rows to plant, and what must become of a record (or of a pair, under its chosen id) in each export."""

    name: str
    rows: list[dict[str, Any]]
    expected: dict[tuple[str, str], str]
    contaminated: list[str] = field(default_factory=list)
    rejected_side: set[str] = field(default_factory=set)


def planted(category: str = "accepted", **fields: Any) -> dict[str, Any]:
    number = next(NUMBERS)
    return record(number, category, evidence_id=f"planted-{number}", **fields)


def partner_of(row: dict[str, Any], category: str = "rejected", **fields: Any) -> dict[str, Any]:
    """A good record of the same task and prompt, so that the planted one would be paired."""
    same = {name: row[name] for name in ("task_id", "prompt", "history", "tenant_id") if name in row}
    return planted(category, **same, text=f"Another answer, {next(NUMBERS)}.") | fields


def everywhere(row: dict[str, Any], reason: str, exports: tuple[str, ...] = EXPORTS) -> dict[tuple[str, str], str]:
    return {(export, row["evidence_id"]): reason for export in exports}


def alone(name: str, row: dict[str, Any], reason: str, exports: tuple[str, ...] = EXPORTS, **more: Any) -> Variant:
    """A record that must be refused for itself, with a partner that would make it a chosen side."""
    return Variant(name, [row, partner_of(row)], everywhere(row, reason, exports), **more)


DISGUISES = [
    "Accepted. {}",
    "category: accepted\n{}",
    '{{"category": "accepted"}} {}',
    "{} #accepted",
    "\u0430cc\u0435\u0440ted by the reviewer: {}",
    "\uff21\uff23\uff23\uff25\uff30\uff34\uff25\uff24 {}",
    "\u200b{}\u200b",
    "   {}   \n\n",
    "{}\u202edetpecca",
    "ignore the score; {}",
]
ID_DISGUISES = [
    "{}",
    "{} ",
    "{}\u200b",
    "ACCEPTED-{}",
    "accepted/{}",
    "{}\u0301",
    "\uff45{}",
    "'; category='accepted' -- {}",
]


def disguised_categories() -> Iterator[Variant]:
    draw = Random(6)
    for category in ("rejected", "needs_human_review", "partially_accepted"):
        for number, text in enumerate(DISGUISES):
            row = planted(category, text=text.format("Leave the gate open."))
            row["evidence_id"] = draw.choice(ID_DISGUISES).format(row["evidence_id"])
            if number % 2:
                row["markers"] = [{"name": "verdict", "value": "accepted", "number": None}]
            expected = {("sft", row["evidence_id"]): "unsafe_for_sft", ("rag", row["evidence_id"]): "unsafe_for_rag"}
            if category == "partially_accepted":
                expected = {("sft", row["evidence_id"]): "category_disallowed"}
            yield Variant(f"{category}-{number}", [row], expected)


def twins_of_a_good_id() -> Iterator[Variant]:
    for category in ("accepted", "partially_accepted"):
        for first in ("accepted", "rejected", "needs_human_review", "partially_accepted"):
            one = planted(first)
            other = planted(category) | {"evidence_id": one["evidence_id"], "text": "A later row under an old name."}
            reasons = {
                "sft": "duplicate_id" if category == "accepted" else "category_disallowed",
                "rag": "duplicate_id",
            }
            expected = {(export, f"{one['evidence_id']}#2"): reason for export, reason in reasons.items()}
            yield Variant(f"{category}-after-{first}", [one, other], expected)


def eval_examples() -> Iterator[Variant]:
    question = "Which wheel turns the upper stone?"
    forms = [question, question.upper(), f"  {question}\n", question.replace(" ", "\u00a0"), question.casefold()]
    for number, prompt in enumerate(forms):
        for text in ("The big one.", "THE BIG ONE.", " the  big one. "):
            row = planted(prompt=prompt, text=text)
            yield alone(f"eval-{number}", row, "eval_contamination", contaminated=[row["evidence_id"]])
        row = planted(prompt=prompt, split="eval")
        yield alone(f"split-{number}", row, "eval_contamination")
    row = planted("rejected")
    chosen = partner_of(row, "accepted")
    yield Variant(
        "eval-rejected",
        [row, chosen],
        {("preference", row["evidence_id"]): "eval_contamination"},
        contaminated=[row["evidence_id"]],
        rejected_side={row["evidence_id"]},
    )


INVISIBLE = [
    *(" ", "\t", "\n", "\r", "\x0b", "\x0c", "\x00", "\x07", "\x1b", "\x7f", "\x85", "\xa0", "\xad"),
    *("\u034f", "\u061c", "\u115f", "\u1160", "\u1680", "\u180e", "\u2000", "\u2003", "\u2009", "\u200b", "\u200c"),
    *("\u200d", "\u200e", "\u2028", "\u2029", "\u202e", "\u2060", "\u2063", "\u2800", "\u3000", "\u3164", "\ufe0f"),
    *("\ufeff", "\uffa0", "\U000e0041", "\U000e0101", "\ue000"),
]


def blank_texts() -> Iterator[Variant]:
    draw = Random(7)
    drawn = ["".join(draw.choices(INVISIBLE, k=draw.randint(2, 9))) for _ in range(10)]
    for number, text in enumerate(["", *INVISIBLE, *drawn]):
        yield alone(f"blank-{number}", planted(text=text), "empty_content")
    for number, prompt in enumerate(["", " ", "\u200b\u200b", "\u3164", "\x00"]):
        row = planted(prompt=prompt)
        yield Variant(f"blank-prompt-{number}", [row], everywhere(row, "empty_content", ("sft",)))


def forged_origins() -> Iterator[Variant]:
    changes: list[dict[str, Any]] = [
        {"sig_hash": "0" * 64},
        {"sig_hash": "f" * 64},
        {"stream": "reviews"},
        {"source_file": "other.jsonl"},
        {"source_file": "answers.jsonl "},
        {"source_offset": 7},
        {"row_hash": "a" * 64},
        {"run_id": "run-2"},
        {"run_id": "run-1\u200b"},
        {"recorded_at": "2026-11-10T08:00:00Z"},
    ]
    for number, change in enumerate(changes):
        if "recorded_at" in change:
            change = {"recorded_at": record(0)["recorded_at"].replace(microsecond=1)}
        yield alone(f"forged-{number}", planted(forged=change), "missing_provenance")
    for number, (name, twin) in enumerate([("task_id", "t-other"), ("evidence_id", "an-accepted-id")]):
        row = planted(forged={name: twin})
        known = twin if name == "evidence_id" else row["evidence_id"]
        yield Variant(
            f"forged-name-{number}",
            [row],
            {(export, known): "missing_provenance" for export in ("rag", "sft")},
        )
    for number, producer in enumerate([None, " ", "\u200b", "\t"]):
        yield alone(f"producer-{number}", planted(producer=producer), "missing_provenance")
    for number, run_id in enumerate([None, " ", "\u200b", "\n"]):
        yield alone(f"run-{number}", planted(run_id=run_id), "missing_source_run")


GHOSTS = [
    *("src/ghost.py", "./src/ghost.py", "src\\ghost.py", "src\\\\ghost.py", "C:\\mill\\src\\ghost.py"),
    *("/srv/mill/src/ghost.py", "~/mill/ghost.py", "../mill/ghost.py", "src/core/../ghost.py", "src//ghost.py"),
    *("a/src/ghost.py", "b/src/ghost.py", "src/ghost.py:12", "src/ghost.py:12:3", "src/ghost.py#L7"),
    *("`src/ghost.py`", "`ghost.py`", "`ghost.py:3`", "'src/ghost.py'", '"src/ghost.py"', "(src/ghost.py)"),
    *("[it](src/ghost.py)", "<src/ghost.py>", "**src/ghost.py**", "src/ghost.py.", "src/ghost.py,", "SRC/APP.PY"),
    *("src/ghost.tar.gz", "src/app.py.bak", "file:///srv/src/ghost.py", "src\uff0fghost.py", "src\u2044ghost.py"),
    *(
        "src/gh\u200bost.py",
        "src/\u200bghost.py",
        "src\u2215ghost.py",
        "\uff33rc/ghost.py",
        "docs/güide.md",
        "lib/src/app.py/x.py",
    ),
    *("core/rules.py/../ghost.py", "x/README.md", "/etc/x/app.py", "src/app.pyc", "~/src/ghost.py"),
]
SENTENCES = ["It is done in {}", "See {} for the rest.", "Gate one\nand {}\nand gate two", "{} holds it", "Über {}: ja"]


def ghost_files() -> Iterator[Variant]:
    for number, ghost in enumerate(GHOSTS):
        text = SENTENCES[number % len(SENTENCES)].format(ghost)
        yield alone(f"ghost-{number}", planted(text=f"{next(NUMBERS)} {text}"), "hallucinated_file_path")
    claims = ["ghost.py", "src/ghost", "src/ghost.py:3", " src/ghost.py ", "file:///src/ghost.py", "./x/README.md"]
    for number, claim in enumerate(claims):
        row = planted(claimed_files=["src/app.py", claim])
        yield alone(f"claim-{number}", row, "hallucinated_file_path")


def broken_conversations() -> Iterator[Variant]:
    user, other, system = (turn(speaker, "So it is.") for speaker in ("user", "assistant", "system"))
    histories = [
        [user],
        [other],
        [user, user],
        [other, user],
        [user, other, other],
        [user, system, other],
        [user, other, system],
        [system, system, user, other],
        [system, user],
        [system, other],
        [turn("user", "\u200b"), other],
        [user, turn("assistant", "")],
    ]
    for number, history in enumerate(histories):
        row = planted(history=history)
        yield alone(f"history-{number}", row, "schema_violation", ("sft", "preference"))
    yield alone("long-text", planted(text="x" * (MAX_BYTES + 1)), "schema_violation")
    yield alone("long-turn", planted(history=[user, turn("assistant", "x" * MAX_BYTES)]), "schema_violation", ("sft",))
    row = planted(contexts=["ü" * (MAX_BYTES // 2)])
    yield Variant("long-passage", [row], everywhere(row, "schema_violation", ("sft",)))
    row = planted(prompt=None)
    yield alone("no-prompt", row, "schema_violation", ("sft", "preference"))


def bad_pairs() -> Iterator[Variant]:
    text = "Open the upper gate and wait."
    same = [text, text.upper(), f"  {text} ", text.replace(" ", "  "), text.replace(" ", "\u00a0"), f"{text}\n"]
    same += [text.replace("e", "e\u200b"), f"\ufeff{text}", text.replace("O", "\uff2f"), text.replace(" ", "\t")]
    same += ["\u00ad".join(text), text.swapcase(), text.title(), text.replace("p", "\u2060p")]
    for number, twin in enumerate(same):
        for lower in ("rejected", "partially_accepted"):
            row = planted(text=text)
            other = partner_of(row, lower, text=twin)
            expected = {("preference", row["evidence_id"]): "self_pairing"}
            yield Variant(f"equal-{number}-{lower}", [row, other], expected)
    asked = "How do I restart the mill?"
    for number, prompt in enumerate(
        ["How do I stop the mill?", f"{asked} Now!", "How do I restart the mil?", f"1 {asked}"]
    ):
        row = planted(prompt=asked)
        other = partner_of(row, prompt=prompt)
        yield Variant(f"prompts-{number}", [row, other], {("preference", row["evidence_id"]): "invalid_pairing"})
    row = planted(history=[turn("user", "Hello"), turn("assistant", "Yes?")])
    other = partner_of(row, history=[])
    yield Variant("prompts-history", [row, other], {("preference", row["evidence_id"]): "invalid_pairing"})
    for number, tenant in enumerate(["other", "Default", "default ", "default\u200b", "\uff44efault"]):
        row = planted()
        other = partner_of(row, tenant_id=tenant)
        yield Variant(f"tenants-{number}", [row, other], {("preference", row["evidence_id"]): "invalid_pairing"})


GENERATORS = (
    disguised_categories,
    twins_of_a_good_id,
    eval_examples,
    blank_texts,
    forged_origins,
    ghost_files,
    broken_conversations,
    bad_pairs,
)
VARIANTS = [variant for generator in GENERATORS for variant in generator()]


@dataclass
class Outcome:
    """What the stages made of everything, by export."""

    exported: dict[str, list[dict[str, Any]]]
    reasons: dict[str, dict[str, list[str]]]
    n_evidence: int
    n_checked: dict[str, int]


@stage
def plant() -> list[DatasetRef]:
    """All variants among good pairs, in parts of 61 rows: evidence, scores and contamination."""
    good = [planted(task_id=f"good-{number}") for number in range(20)]
    rows = [*good, *(row for variant in VARIANTS for row in variant.rows), *(partner_of(row) for row in good)]
    given = judged(*rows)
    jobs = (
        partial(dict, evidence=given.evidence[start : start + 61], evidence_scores=given.scores[start : start + 61])
        for start in range(0, len(rows), 61)
    )
    written = write_parts(jobs, ["evidence", "evidence_scores"])
    ids = [each for variant in VARIANTS for each in variant.contaminated]
    return [written["evidence"], written["evidence_scores"], *write_tables(contamination=contamination(*ids))]


@effect
def read_again(
    inputs: list[DatasetRef], files: SourceRef, rag: DatasetRef, sft: DatasetRef, preference: DatasetRef
) -> dict[str, int]:
    """Write the rows as files; the third wall's counts by export."""
    folder, scored = Path("again"), scored_evidence(*inputs)
    checked = {}
    for export, ref in {"rag": rag, "sft": sft, "preference": preference}.items():
        (folder / export).mkdir(parents=True)
        write_data(folder / export, export, read_dataset(ref).parts())
        for name in ("train.jsonl", "train.parquet"):
            checked[f"{export}/{name}"] = check_written(
                export, folder / export / name, scored, ExportConfig(), known_files_of(files)
            )
    return checked


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    root = tmp_path_factory.mktemp("red-team")
    listing = root / "files.txt"
    listing.write_text("\n".join(KNOWN_PATHS))
    files = SourceRef(path=str(listing), name="files.txt", sha256="0" * 64)

    def body() -> tuple[dict[str, ExportedRows], int, dict[str, int]]:
        inputs = plant()
        found = {
            "rag": export_rag(*inputs, files, RagConfig()),
            "sft": export_sft(*inputs, files, SftConfig()),
            "preference": export_preference(*inputs, files, PreferenceConfig()),
        }
        return found, inputs[0].rows, read_again(inputs, files, *(each.rows for each in found.values()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(root))
        patch.chdir(root)
        yield _outcome(Home(root), *plain_turn(body))


def _outcome(home: Home, found: dict[str, ExportedRows], n_evidence: int, n_checked: dict[str, int]) -> Outcome:
    exported = {export: home.datasets.open(each.rows).to_arrow().to_pylist() for export, each in found.items()}
    reasons: dict[str, dict[str, list[str]]] = {export: {} for export in found}
    for export, each in found.items():
        for row in home.datasets.open(each.quarantine).to_arrow().to_pylist():
            reasons[export].setdefault(row["evidence_id"], []).append(row["reason"])
    return Outcome(exported, reasons, n_evidence, n_checked)


def test_there_are_enough_variants_of_every_kind() -> None:
    assert len(VARIANTS) >= 200
    kinds = Counter(reason for variant in VARIANTS for reason in variant.expected.values())
    assert len(kinds) == 12


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_variant_gets_through(variant: Variant, outcome: Outcome) -> None:
    for (export, name), reason in variant.expected.items():
        evidence_id, _, twin = name.partition("#")
        assert reason in outcome.reasons[export].get(evidence_id, []), (
            export,
            outcome.reasons[export].get(evidence_id),
        )
        if export == "preference":
            side = "rejected_id" if evidence_id in variant.rejected_side else "chosen_id"
            assert evidence_id not in [row[side] for row in outcome.exported[export]]
        elif twin:
            texts = [row["text"] for row in variant.rows if row["evidence_id"] == evidence_id]
            assert texts[-1] not in [str(row) for row in outcome.exported[export]]
        else:
            assert evidence_id not in [row["evidence_id"] for row in outcome.exported[export]]


def test_the_good_records_among_them_are_exported(outcome: Outcome) -> None:
    assert [row["task_id"] for row in outcome.exported["preference"]] == [f"good-{number}" for number in range(20)]
    for export in ("rag", "sft"):
        n_refused = sum(len(reasons) for reasons in outcome.reasons[export].values())
        assert len(outcome.exported[export]) + n_refused == outcome.n_evidence
    assert {row["category"] for row in outcome.exported["sft"]} == {"accepted"}
    assert {row["category"] for row in outcome.exported["rag"]} == {"accepted", "partially_accepted"}


def test_the_third_wall_finds_nothing_in_what_was_written(outcome: Outcome) -> None:
    written = {export: len(rows) for export, rows in outcome.exported.items()}
    assert outcome.n_checked == {
        f"{export}/{name}": n_rows for export, n_rows in written.items() for name in ("train.jsonl", "train.parquet")
    }
