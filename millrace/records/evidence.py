"""Evidence (D1): what any stream says, with where it was said, and what the rules make of it (D3)."""

from typing import Annotated, Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.golden import Split
from millrace.records.trace import Turn, UtcTime

Category = Literal["accepted", "partially_accepted", "rejected", "needs_human_review"]
StoredOffset = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Marker(Record):
    """A named fact of a record that scoring rules look at: a verdict, a rating, a share, a yes or no."""

    name: Identifier
    value: str = Field(description="As text: numbers in Python's shortest form, 'true' or 'false', else as given")
    number: float | None = Field(None, description="The value as a number; None for words, 1 and 0 for true and false")


class Evidence(Record):
    """One record of a stream. It is evidence because its row can be found again and hashed again.

    Rows of a file lie at a byte offset; rows of a dataset at a row number, and their file is ``kind:hash``.
    """

    evidence_id: Identifier = Field(description="Given by the row, or stream and the first digits of its row's hash")
    stream: Identifier
    source_file: Identifier = Field(description="Name of the file, or kind:hash of the dataset")
    source_offset: StoredOffset = Field(description="Byte of a file, or row of a dataset, from 0")
    row_hash: Sha256 = Field(description="sha256 of the row's bytes, or of its canonical JSON in a dataset")
    sig_hash: Sha256 = Field(description="sha256 that binds id, stream, source, row hash, run, task and time together")
    recorded_at: UtcTime
    run_id: Identifier | None = Field(None, description="Run of the source that produced the row; None: not known")
    task_id: Identifier = Field(description="What was to be done; records of one task can be compared")
    subject: Identifier | None = Field(None, description="What the task is about, shared by several streams")
    producer: Identifier | None = Field(None, description="Who produced it: a model, a person, a tool; None: not known")
    role: Identifier = Field(description="What the producer was to the task: answerer, reviewer, extraction ...")
    tenant_id: Identifier = "default"
    user_id: str | None = None
    prompt: str | None = Field(None, description="What was asked; None where the stream has no prompts")
    history: list[Turn] = Field([], description="Turns before the prompt, oldest first")
    contexts: list[str] = Field([], description="Passages that the producer was shown, in rank order")
    text: str = Field(description="What was answered, claimed, found or decided")
    claimed_files: list[str] = Field([], description="Files that the record says exist")
    markers: list[Marker] = []
    split: Split | None = Field(None, description="Side of the golden dataset the record belongs to; None: to neither")


class EvidenceScore(Record):
    """What the rules say of the record in the same row of the evidence."""

    evidence_id: Identifier
    category: Category
    rule_id: Identifier | None = Field(None, description="The rule that decided; None when none spoke")
    reason: str = Field(description="The deciding rule's reason, or why none decided")
    fired: list[Identifier] = Field([], description="Every rule that holds, in the table's order")
    parent_id: Identifier | None = Field(
        None, description="Record of the same task whose verdict an extraction took over; None: judged by itself"
    )


ContaminationMatch = Literal["split", "exact", "ngram", "embedding"]


class Contamination(Record):
    """A record that is, or nearly is, an example that the application is evaluated on."""

    evidence_id: Identifier
    match: ContaminationMatch = Field(
        description="split: it belongs to the eval side itself; exact: an equal text; ngram: a shared run of words; "
        "embedding: a text that means nearly the same"
    )
    eval_id: Identifier = Field(description="The eval example, as 'golden main <id>' or 'file <name> row <number>'")
    similarity: float = Field(ge=0, le=1, description="1 for split and exact; share of n-grams; cosine")
    matched: str = Field(max_length=500, description="What of the eval example is found, shortened")


Export = Literal["rag", "sft", "preference"]
QuarantineReason = Literal[
    "missing_provenance",
    "missing_source_run",
    "empty_content",
    "schema_violation",
    "unsafe_for_sft",
    "unsafe_for_rag",
    "invalid_pairing",
    "hallucinated_file_path",
    "duplicate_id",
    "self_pairing",
    "category_disallowed",
    "eval_contamination",
]


class Quarantined(Record):
    """A record, or a pair of records, that an export refused: which rule, and what it saw."""

    export: Export
    evidence_id: Identifier
    other_id: Identifier | None = Field(None, description="The other side of a pair")
    reason: QuarantineReason
    rule: Identifier = Field(description="The firewall's rule, as 'sft.category'")
    evidence: str = Field(description="What the rule saw, in words")
    stream: Identifier
    source_file: Identifier
    source_offset: StoredOffset
    category: Category | None = None


class EvalExample(Record):
    """A question the application is evaluated on: no training row may be it, or nearly be it."""

    eval_id: Identifier
    tenant_id: Identifier
    question: str
    history: list[Turn] = []
    expected_answer: str | None = None
