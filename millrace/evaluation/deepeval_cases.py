"""Golden rows as DeepEval test cases that its pytest run loads (A33)."""

import json
from collections.abc import Sequence
from typing import Any

from millrace.evaluation.exported import check_modules, template
from millrace.records.golden import GoldenRow


def deepeval_files(rows: Sequence[GoldenRow]) -> dict[str, bytes]:
    """A folder's files by name: ``cases.json``, ``test_golden.py`` that loads it, and the check it uses.

    Args:
        rows: golden rows of the split eval; sorted and checked by the caller.
    """
    cases = json.dumps([_case(row) for row in rows], ensure_ascii=False, indent=1)
    return {
        "cases.json": f"{cases}\n".encode(),
        "test_golden.py": template("deepeval/test_golden.py.txt").encode(),
        **check_modules(),
    }


def _case(row: GoldenRow) -> dict[str, Any]:
    return {
        "golden_id": row.golden_id,
        "tenant_id": row.tenant_id,
        "question": row.question,
        "history": [{"speaker": turn.speaker, "text": turn.text} for turn in row.history],
        "contexts": [passage.text for passage in row.contexts],
        "expected_behaviour": row.expected_behaviour,
        "expected_answer": row.expected_answer,
        "category": row.category,
        "group_id": row.group_id,
    }
