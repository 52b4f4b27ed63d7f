"""MTRAG, HaluEval and LLMBar distilled: what becomes of them, and whether people agree with the pairs.

MTRAG's and LLMBar's categories come from people, so their pairs must agree with people. For a harder question MTRAG is
distilled once more by its automatic scores alone, and the pairs are held against the ratings that no rule saw.

Run: ``python -m benchmarks.distillation_real``; needs the real data beside the checkout.
"""

import json
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any, BinaryIO

from benchmarks.evidence import DATA
from benchmarks.tables import table
from flows.distill import DistillConfig, distil
from millrace.records.distillation import DistillCounts
from millrace.statistics.intervals import wilson_interval
from tasks.home import Home
from tasks.run import run_apart

_TIME = "2026-09-01T00:00:00Z"
_FILES = {
    "mtrag": "mtrag/responses_human.jsonl",
    "halueval": "halueval_general/general_data.jsonl",
    "llmbar": "llmbar/instances.jsonl",
}
_SIDES = ("provenance", "rejected_provenance")
_BY_SCORES = """
version: 1
otherwise: 'The scores do not say.'
extraction_roles: []
rules:
  - id: judged-good
    category: accepted
    reason: 'The automatic judge gives {rb_llm}.'
    when: {marker: rb_llm, at_least: 0.75}
    example: {markers: {rb_llm: 1.0}}
    counterexample: {markers: {rb_llm: 0.5}}
  - id: judged-poor
    category: rejected
    reason: 'The automatic judge gives {rb_llm}.'
    when: {marker: rb_llm, at_most: 0.5}
    example: {markers: {rb_llm: 0.25}}
    counterexample: {markers: {rb_llm: 0.75}}
"""


def run() -> str:
    """Markdown: counts by data set, reasons of quarantine, and the share of pairs that people agree with."""
    if not DATA.is_dir():
        return "Not measured: the real data are not beside this checkout."
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "by_scores.yaml"
        rules.write_text(_BY_SCORES)
        evals = _eval_questions(Path(folder) / "evals.jsonl")
        distilled = {name: _distilled(Path(folder) / name, name, evals) for name in _FILES}
        by_scores = _distilled(Path(folder) / "by-scores", "mtrag", evals, scoring_rules=str(rules))
    rows = [_counts_row(name, counts) for name, (counts, _) in distilled.items()]
    header = ["data", "records", "skipped", "accepted", "partial", "rejected", "review", "contaminated"]
    exports = [
        [name, *(_export(counts, export) for export in ("rag", "sft", "preference"))]
        for name, (counts, _) in distilled.items()
    ]
    agreement = [
        ["MTRAG, people's ratings decide", *_agreement(distilled["mtrag"][1])],
        ["MTRAG, automatic scores decide", *_agreement(by_scores[1])],
        ["LLMBar, gold decides", *_gold(distilled["llmbar"][1])],
    ]
    return "\n\n".join(
        [
            table([*header, "pairs"], rows),
            "Exported rows, and rows or pairs refused by reason:\n\n"
            + table(["data", "retrieval", "fine-tuning", "preference"], exports),
            "Pairs whose chosen side people rated higher on average (95 % Wilson interval over the pairs; equal means "
            "count as not higher):\n\n" + table(["pairs", "n", "chosen rated higher", "equal", "lower"], agreement),
        ]
    )


def _eval_questions(path: Path) -> Path:
    lines = (DATA / "mtrag" / "mtragun_reference.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["input"][-1]["text"] for line in lines]
    path.write_text("".join(json.dumps({"question": question}) + "\n" for question in questions))
    return path


def _distilled(home: Path, name: str, evals: Path, **settings: Any) -> tuple[DistillCounts, list[dict[str, Any]]]:
    """The run's counts, and its preference pairs."""
    home.mkdir()
    given = {
        "as_of": _TIME,
        "streams": [],
        "files": [{"file": str(DATA / _FILES[name]), "mapping": name, "time": _TIME}],
        "eval_files": [str(evals)],
        "reports_folder": str(home / "reports"),
    }
    config = DistillConfig.model_validate(given | settings)
    result = run_apart("distill", distil, config, run_id=name, home=Home(home))
    lines = (home / result.folder / "preference" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return result.counts, [json.loads(line) | {"home": str(home), "stream": name} for line in lines]


def _counts_row(name: str, counts: DistillCounts) -> list[str]:
    categories = ("accepted", "partially_accepted", "rejected", "needs_human_review")
    return [
        name,
        str(counts.evidence),
        str(sum(counts.skipped.values())),
        *(str(counts.categories.get(category, 0)) for category in categories),
        str(sum(counts.contaminated.values())),
        str(counts.exported["preference"]),
    ]


def _export(counts: DistillCounts, export: Any) -> str:
    reasons = ", ".join(f"{reason} {n}" for reason, n in counts.quarantined[export].items())
    return f"{counts.exported[export]}" + (f"; {reasons}" if reasons else "")


def _agreement(pairs: list[dict[str, Any]]) -> list[str]:
    with (DATA / _FILES["mtrag"]).open("rb") as source:
        means = [[_mean_rating(_row(source, pair[side])) for side in _SIDES] for pair in pairs]
    return _shares([chosen - rejected for chosen, rejected in means])


def _row(source: BinaryIO, provenance: dict[str, Any]) -> dict[str, Any]:
    """The row that an exported side comes from: texts in the exports are redacted, places are exact."""
    source.seek(provenance["source_offset"])
    row: dict[str, Any] = json.loads(source.readline())
    return row


def _mean_rating(row: dict[str, Any]) -> float:
    return fmean(int(value) for people in row["human"].values() for value in people.values())


def _gold(pairs: list[dict[str, Any]]) -> list[str]:
    with (DATA / _FILES["llmbar"]).open("rb") as source:
        labels = [_row(source, pair["provenance"])["label"] for pair in pairs]
    chosen = [int(pair["chosen_id"].rpartition("-")[2]) for pair in pairs]
    return _shares([1.0 if label == side else -1.0 for label, side in zip(labels, chosen, strict=True)])


def _shares(differences: list[float]) -> list[str]:
    n, higher = len(differences), sum(each > 0 for each in differences)
    if not n:
        return ["0", "no pairs", "-", "-"]
    interval = wilson_interval(higher, n)
    shown = f"{higher / n:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    return [str(n), shown, str(sum(each == 0 for each in differences)), str(sum(each < 0 for each in differences))]


if __name__ == "__main__":
    print(run())
