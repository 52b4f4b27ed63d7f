"""The suites of one version of a golden dataset as a folder of files (A33)."""

from collections.abc import Sequence

from pydantic import Field

from millrace.evaluation.deepeval_cases import deepeval_files
from millrace.evaluation.exported import template
from millrace.evaluation.promptfoo import PromptfooConfig, promptfoo_files
from millrace.evaluation.selection import choose_evenly
from millrace.methods.markdown import plain
from millrace.records.base import Record
from millrace.records.golden import GoldenRow


class EvalsConfig(Record):
    """What becomes of eval rows."""

    promptfoo: PromptfooConfig = Field(PromptfooConfig(), description="The smaller suite; DeepEval gets every row")


def suite_files(rows: Sequence[GoldenRow], config: EvalsConfig, title: str) -> dict[str, bytes]:
    """``README.md``, ``deepeval/...`` with every row, ``promptfoo/...`` with some, by path.

    Args:
        rows: rows of the split eval by ``golden_id``.
        title: which version it is, as ``golden dataset main 1.2.0``.
    """
    chosen = choose_evenly(rows, config.promptfoo.n_cases)
    readme = template("README.md.txt").format(title=plain(title), n_deepeval=len(rows), n_promptfoo=len(chosen))
    suites = {"deepeval": deepeval_files(rows), "promptfoo": promptfoo_files(chosen, config.promptfoo, title)}
    files = {f"{suite}/{name}": content for suite, named in suites.items() for name, content in named.items()}
    return {"README.md": readme.encode(), **files}
