"""What leaves as training data (D4 to D6): each record's schema is a wall of the firewall."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.evidence import StoredOffset
from millrace.records.trace import UtcTime


class Provenance(Record):
    """Where an exported row comes from; ``sig_hash`` is that of its evidence."""

    sig_hash: Sha256
    stream: Identifier
    source_file: Identifier
    source_offset: StoredOffset
    row_hash: Sha256
    run_id: Identifier
    recorded_at: UtcTime


class ChatTurn(Record):
    """One message of a conversation, as chat templates and TRL's trainers take it."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class RagRow(Record):
    """A piece of knowledge to retrieve: what was asked, and an answer that stood. Nothing rejected can be one."""

    evidence_id: Identifier
    tenant_id: Identifier
    user_id: str | None = None
    task_id: Identifier
    title: str = Field(description="The prompt, or the subject where there is none")
    text: str = Field(min_length=1)
    category: Literal["accepted", "partially_accepted", "needs_human_review"]
    reason: str = Field(description="The scoring rule's reason")
    provenance: Provenance


class SftRow(Record):
    """A conversation to learn from; the last message is the assistant's. Nothing rejected or unreviewed can be one."""

    evidence_id: Identifier
    tenant_id: Identifier
    user_id: str | None = None
    messages: list[ChatTurn] = Field(min_length=2)
    category: Literal["accepted", "partially_accepted"]
    provenance: Provenance


class PreferencePair(Record):
    """Two answers to one prompt, the first preferred. Conversations, as TRL's DPO trainer takes them."""

    pair_id: Identifier
    tenant_id: Identifier
    user_id: str | None = Field(None, description="User of the chosen side")
    rejected_user_id: str | None = Field(None, description="User of the other side: erasure finds the pair by both")
    task_id: Identifier
    prompt: list[ChatTurn] = Field(min_length=1)
    chosen: list[ChatTurn] = Field(min_length=1, max_length=1)
    rejected: list[ChatTurn] = Field(min_length=1, max_length=1)
    chosen_id: Identifier
    rejected_id: Identifier
    chosen_category: Literal["accepted"]
    rejected_category: Literal["partially_accepted", "rejected"]
    basis: Literal["task", "subject"] = Field(description="subject: two streams about one thing, with other tasks")
    provenance: Provenance
    rejected_provenance: Provenance
