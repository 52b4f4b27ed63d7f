"""Golden rows as a promptfoo configuration with a Python assertion (A33).

promptfoo renders variables and prompts as Nunjucks templates and loads variables that begin with ``file://``. Golden
texts were written by strangers, so nothing in them may be read as either: see :func:`inert`.
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import Field

from millrace.evaluation.exported import check_modules, template
from millrace.evaluation.golden_check import MIN_RECALL
from millrace.records.base import Identifier, Record
from millrace.records.golden import GoldenRow
from millrace.records.trace import RetrievedContext, Turn

SCHEMA = "https://promptfoo.dev/config-schema.json"
ANSWERS_PROVIDER = "file://answers_provider.py"
_PROMPTS = ("grounded", "brief")
_OPENING = re.compile(r"\{(?=[{%#])")
_CLOSING = re.compile(r"(?<=[}%#])\}")
_LOADED = re.compile(r"(?:file|package|https?|exec|python):", re.IGNORECASE)


class PromptfooConfig(Record):
    """How many cases, and what answers them."""

    n_cases: int = Field(20, ge=1, le=10_000, description="Golden rows, spread evenly over categories and clusters")
    providers: list[Identifier] = Field(
        [ANSWERS_PROVIDER],
        min_length=1,
        description="promptfoo's provider ids, as openai:chat:gpt-4.1-mini (any compatible server by OPENAI_BASE_URL); "
        "by default answers are read from a file",
    )
    min_recall: float = Field(
        MIN_RECALL, ge=0, le=1, description="Share of the expected answer's words that must be there"
    )


def promptfoo_files(rows: Sequence[GoldenRow], config: PromptfooConfig, title: str) -> dict[str, bytes]:
    """A folder's files by name: configuration, two prompts, the assertion, and a provider that reads answers.

    Args:
        rows: the cases, in order; of the split eval.
        title: what the suite is, as ``golden dataset main 1.2.0``.
    """
    document = {
        "description": inert(title),
        "prompts": [{"id": f"file://prompts/{name}.txt", "label": name} for name in _PROMPTS],
        "providers": list(config.providers),
        "defaultTest": {
            "assert": [
                {
                    "type": "python",
                    "value": "file://assert_golden.py",
                    "metric": "golden",
                    "config": {"min_recall": config.min_recall},
                }
            ]
        },
        "tests": [_test(row) for row in rows],
    }
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)
    return {
        "promptfooconfig.yaml": f"# yaml-language-server: $schema={SCHEMA}\n{text}".encode(),
        **{f"prompts/{name}.txt": template(f"promptfoo/{name}.txt").encode() for name in _PROMPTS},
        "assert_golden.py": template("promptfoo/assert_golden.py.txt").encode(),
        "answers_provider.py": template("promptfoo/answers_provider.py.txt").encode(),
        **check_modules(),
    }


def inert(text: str) -> str:
    """The text so that promptfoo neither renders nor loads it, however often it looks.

    A space goes between the marks that begin or end a template (``{{``, ``%}`` ...), and before a scheme that it loads.
    """
    plain = _CLOSING.sub(" }", _OPENING.sub("{ ", text))
    return f" {plain}" if _LOADED.match(plain) else plain


def _test(row: GoldenRow) -> dict[str, Any]:
    variables = {
        "golden_id": row.golden_id,
        "question": inert(row.question),
        "history": inert(_conversation(row.history)),
        "context": inert(_passages(row.contexts)),
        "expected_behaviour": row.expected_behaviour,
        "expected_answer": inert(row.expected_answer or ""),
    }
    about = {"category": row.category, "split": row.split, "group_id": row.group_id, "added_in": row.added_in}
    return {
        "description": f"{row.category}: {row.golden_id}",
        "vars": variables,
        "metadata": {name: value for name, value in about.items() if value is not None},
    }


def _conversation(history: Sequence[Turn]) -> str:
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in history)


def _passages(contexts: Sequence[RetrievedContext]) -> str:
    return "\n\n".join(f"[{place}] {passage.text}" for place, passage in enumerate(contexts, start=1))
