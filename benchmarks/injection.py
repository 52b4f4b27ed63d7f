"""What the first injection check finds and what it takes for an attack by mistake.

The rules for passages were written looking at every second attack family of BIPIA, by name, and at none of the others'
texts: ``seen`` and ``unseen`` below.
"""

import csv
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.tables import spread, table
from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.document_batches import read_documents
from millrace.methods.injection import InjectionScreen
from millrace.statistics.intervals import Estimate, grouped_bootstrap, wilson_interval
from tasks.tables import injection_rules

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PAYLOADS = ROOT / "tests" / "methods" / "injection_payloads.yaml"
BIPIA = DATA / "prompt_injection" / "bipia"
N_RUNS = 5

Attacks = list[tuple[str, str]]  # family and text


def run(n_emails: int = 50) -> str:
    """Payloads, false alarms, BIPIA by family with each attack at the end of each e-mail, and speed; Markdown."""
    rules = injection_rules()
    question, passage = InjectionScreen(rules), InjectionScreen(rules, "passage")
    emails = [json.loads(line)["context"] for line in (BIPIA / "email_train.jsonl").open(encoding="utf-8")][:n_emails]
    parts = [_alarms(question, passage, emails), _families(passage, emails), _speed(question, passage)]
    return "\n\n".join(parts)


def _alarms(question: InjectionScreen, passage: InjectionScreen, emails: Sequence[str]) -> str:
    payloads = yaml.safe_load(PAYLOADS.read_text(encoding="utf-8"))["payloads"]
    rows = [_share("twenty payloads of the tests (to be found)", [p["text"] for p in payloads], question)]
    rows += [_share(name, texts, question) for name, texts in _questions()]
    others = [("HaluEval's chat answers", _halueval("chatgpt_response")), ("BIPIA's e-mails, clean", emails)]
    rows += [_share(name, texts, passage) for name, texts in [*_passages(), *others]]
    return table(["texts", "n", "flagged", "share, 95 % (Wilson)"], rows)


def _share(name: str, texts: Sequence[str], screen: InjectionScreen) -> list[str]:
    n_found = sum(finding is not None for finding in screen.detect(texts))
    return [name, str(len(texts)), str(n_found), _written(wilson_interval(n_found, len(texts)))]


def _families(screen: InjectionScreen, emails: Sequence[str]) -> str:
    rows, halves = [], {"seen": [], "unseen": []}  # type: tuple[list[list[str]], dict[str, list[tuple[str, float]]]]
    for kind in ("text", "code"):
        families: dict[str, list[str]] = json.loads((BIPIA / f"{kind}_attack_train.json").read_text(encoding="utf-8"))
        for place, family in enumerate(sorted(families)):
            shares = [_detected(attack, emails, screen) for attack in families[family]]
            half = "unseen" if place % 2 else "seen"
            halves[half] += [(family, share) for share in shares]
            whole = sum(share == 1 for share in shares)
            rows.append([kind, family, half, f"{whole} of {len(shares)}", f"{np.mean(shares):.0%}"])
    rows += [["both", "all of them", half, *_overall(found)] for half, found in halves.items()]
    rows.append(["both", "all of them", "both", *_overall(halves["seen"] + halves["unseen"])])
    header = ["attack", "family", "rules written", "attacks found in every e-mail", "e-mails with an attack flagged"]
    return table(header, rows)


def _detected(attack: str, emails: Sequence[str], screen: InjectionScreen) -> float:
    """Share of e-mails that are flagged when the attack stands at their end."""
    findings = screen.detect([f"{email}\n{attack}" for email in emails])
    return sum(finding is not None for finding in findings) / len(findings)


def _overall(found: Sequence[tuple[str, float]]) -> list[str]:
    shares = np.array([share for _, share in found])
    estimate = grouped_bootstrap([family for family, _ in found], lambda rows: float(shares[rows].mean()), seed=1)
    return [f"{sum(shares == 1)} of {len(shares)}", _written(estimate)]


def _questions() -> Iterator[tuple[str, list[str]]]:
    with (DATA / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        yield "banking77 test questions", [row["text"] for row in csv.DictReader(file)]
    clinc = json.loads((DATA / "clinc150" / "data_small.json").read_text(encoding="utf-8"))
    yield "clinc150 test questions, out of scope ones included", [text for text, _ in clinc["test"] + clinc["oos_test"]]
    yield "requests to a chatbot (HaluEval)", _halueval("user_query")


def _halueval(field: str) -> list[str]:
    lines = (DATA / "halueval_general" / "general_data.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)[field] for line in lines]


def _passages() -> Iterator[tuple[str, list[str]]]:
    for release in ("2.20.0", "3.0.0"):
        documents, _ = read_documents(DATA / "prefect_docs" / release, tenant_id="t", user_id="u")
        chunks, _ = chunk_documents(documents, ChunkingConfig())
        yield f"chunks of Prefect's documentation {release}", [chunk.text for chunk in chunks]
    passages: dict[str, None] = {}
    for name in ("responses_human.jsonl", "mtragun_reference.jsonl"):
        for line in (DATA / "mtrag" / name).open(encoding="utf-8"):
            row: dict[str, Any] = json.loads(line)
            passages |= {context["text"]: None for context in row["contexts"]}
    yield "MTRAG passages", list(passages)


def _speed(question: InjectionScreen, passage: InjectionScreen) -> str:
    (_, questions), *_ = _questions()
    (_, passages), *_ = _passages()
    rows = []
    for name, texts, screen in (("questions (banking77)", questions, question), ("chunks", passages, passage)):
        speeds = []
        for _ in range(N_RUNS):
            began = time.process_time()
            screen.detect(texts)
            speeds.append(len(texts) / (time.process_time() - began))
        rows.append([name, str(len(texts)), f"{np.mean([len(text) for text in texts]):.0f}", spread(speeds)])
    return table(["texts", "n", "mean characters", f"texts/s on one core, {N_RUNS} runs"], rows)


def _written(estimate: Estimate) -> str:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return f"- ({estimate.reason})"
    return f"{estimate.mean:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"


if __name__ == "__main__":
    print(run())
