"""What a question is about: a follow-up such as "any reason to end?" says it only with the turns before it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from millrace.methods.standalone import user_turns

SEPARATOR = " > "
N_TURNS = 2  # of the user, before the question; more of them tell what the conversation was about, not the question


def questions_in_context(traces: pa.Table) -> pa.Table:
    """Each question with the user's turns before it, oldest first; what the application said is left out.

    Args:
        traces: columns trace_id, question and history of Trace; others are kept as they are.

    Returns:
        The table without ``history``; a question without one stays as it is.
    """
    columns = (traces.column(name).to_pylist() for name in ("history", "question"))
    asked = [SEPARATOR.join([*_turns(history), question]) for history, question in zip(*columns, strict=True)]
    place = traces.column_names.index("question")
    return traces.set_column(place, "question", pa.array(asked, pa.string())).drop_columns(["history"])


def _turns(history: Sequence[dict[str, Any]]) -> list[str]:
    return user_turns((turn["speaker"], turn["text"]) for turn in history)[-N_TURNS:]
