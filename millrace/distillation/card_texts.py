"""The fixed texts of the dataset cards."""

from millrace.records.evidence import Export

TITLES: dict[Export, str] = {
    "rag": "Knowledge to retrieve, distilled by Millrace",
    "sft": "Conversations to learn from, distilled by Millrace",
    "preference": "Preference pairs, distilled by Millrace",
}

TASKS: dict[Export, list[str]] = {
    "rag": ["text-retrieval", "question-answering"],
    "sft": ["text-generation"],
    "preference": ["text-generation"],
}

WHAT_IT_IS: dict[Export, str] = {
    "rag": "Answers, claims and findings that stood: accepted by the scoring rules, or accepted in part or waiting for "
    "a review where `category` says so. None of them was rejected.",
    "sft": "Conversations whose last message the scoring rules accepted. None was rejected or waits for a review; "
    "none is an example that the application is evaluated on, as far as it was compared (see Lineage).",
    "preference": "Two answers to one prompt, of which the scoring rules accepted the first and not, or only in part, "
    "the second. No answer is paired with itself, and no two sides are equal.",
}

_PROVENANCE = (
    "of the evidence: `stream`, `source_file`, `source_offset` (byte of a file, row of a dataset), `row_hash` (sha256 "
    "of the source row), `run_id` that produced it, `recorded_at`, and `sig_hash` (sha256 that binds all of these)"
)

COLUMN_MEANINGS: dict[str, str] = {
    "text": "the answer, claim or finding",
    "title": "the prompt, or the subject where there is none",
    "messages": "the conversation, `role` and `content`; the last message is the assistant's",
    "prompt": "the conversation up to the answer, `role` and `content`",
    "chosen": "the preferred answer, one message",
    "rejected": "the other answer, one message",
    "pair_id": "names the pair",
    "evidence_id": "names the evidence record",
    "chosen_id": "evidence record of the preferred answer",
    "rejected_id": "evidence record of the other answer",
    "tenant_id": "whose data it is",
    "task_id": "what was to be done; records of one task can be compared",
    "category": "the scoring rules' verdict",
    "chosen_category": "the scoring rules' verdict on the preferred answer",
    "rejected_category": "the scoring rules' verdict on the other answer",
    "reason": "why the scoring rules say so",
    "basis": "`task`: both answer one task; `subject`: two streams about one thing, with other tasks",
    "provenance": f"where it comes from; {_PROVENANCE}",
    "rejected_provenance": "the same for the other answer; `provenance` is the preferred one's",
}

_LOAD = """## Use

```python
from datasets import load_dataset

rows = load_dataset("path/to/this/folder", split="train")
rows = load_dataset("json", data_files="train.jsonl", split="train")  # the same rows
```"""

LOADING: dict[Export, str] = {
    "rag": _LOAD,
    "sft": _LOAD
    + """

TRL's `SFTTrainer(model, train_dataset=rows, ...)` takes the column `messages` as it is.""",
    "preference": _LOAD
    + """

TRL's `DPOTrainer(model, train_dataset=rows, ...)` takes `prompt`, `chosen` and `rejected` as they are.""",
}

NOTHING_TO_LOAD = """## Use

There are no rows to load; `datasets` refuses a split without rows."""
