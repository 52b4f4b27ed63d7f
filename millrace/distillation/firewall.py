"""The firewall's second wall (D7): which records an export takes, and why it refuses each of the others.

A refused record is quarantined once, by the first rule that refuses it, in this order:

======================  =======================  ===================================================================
reason                  rule                     refuses
======================  =======================  ===================================================================
missing_provenance      .producer                nobody is named as its producer
missing_provenance      .sig-hash                its ``sig_hash`` is not that of its row
missing_source_run      .run                     no run is named
empty_content           .text                    its text shows nothing
empty_content           .prompt-text             its prompt shows nothing (sft, preference)
schema_violation        .prompt                  it has no prompt (sft)
schema_violation        .history                 its history cannot stand before a prompt (sft, preference)
schema_violation        .length                  it is longer than a trainer can take (``conversations.MAX_BYTES``)
unsafe_for_sft          .category                rejected, or waits for review (sft)
unsafe_for_rag          .category                rejected, or waits for review and that is not asked for (rag)
category_disallowed     .category-setting        partially accepted and that is not asked for; no category that is known
hallucinated_file_path  .files                   it claims, or its text names, a file that does not exist
duplicate_id            .duplicate               an earlier row has its id, whatever became of that row
eval_contamination      .split                   it belongs to the eval side of a golden dataset
eval_contamination      .contamination           it is, or nearly is, an eval example
======================  =======================  ===================================================================

Each rule's name begins with the export's: ``sft.category``. For ``preference`` the records are the sides of pairs:
those that wait for review are none and are passed over, and only accepted ones are held to the files that they claim.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.claimed_files import KnownFiles, unknown_files
from millrace.distillation.config import PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.conversations import MAX_BYTES, context_bytes, history_bytes, history_faults
from millrace.distillation.evidence import sig_hashes
from millrace.distillation.texts import Mask, blank, bools, n_bytes, row_indices, whole
from millrace.errors import BadInputError
from millrace.records.evidence import Contamination, Export, Quarantined, QuarantineReason

Config = RagConfig | SftConfig | PreferenceConfig

_UNSAFE: dict[Export, QuarantineReason] = {"rag": "unsafe_for_rag", "sft": "unsafe_for_sft"}


@dataclass(frozen=True)
class FirewallFacts:
    """What of a part takes a look at other rows than its own.

    Attributes:
        repeated: whether an earlier row of the dataset has the row's id, shape (n_rows,); ``duplicates.repeated``.
        contamination: rows of Contamination; those of other parts do no harm.
        known_files: the files that exist; None where nothing is known of them, and no claim is checked.
    """

    repeated: Mask
    contamination: pa.Table
    known_files: KnownFiles | None = None

    @classmethod
    def none(cls, n_rows: int) -> "FirewallFacts":
        """No row repeats another, none is contaminated, no files are known."""
        return cls(np.zeros(n_rows, dtype=np.bool_), arrow_schema(Contamination).empty_table())


@dataclass(frozen=True)
class Admission:
    """What the firewall let through, shape (n_rows,), and the others: rows of Quarantined, in order."""

    mask: Mask
    quarantine: pa.Table


@dataclass(frozen=True)
class _Rows:
    """A part under examination; ``waiting`` are the rows that no rule has refused yet."""

    export: Export
    evidence: dict[str, pa.Array]
    scores: dict[str, pa.Array]
    facts: FirewallFacts
    config: Config
    waiting: Mask

    def in_category(self, *categories: str) -> Mask:
        return bools(pc.is_in(self.scores["category"], pa.array(categories, pa.string())))


@dataclass(frozen=True)
class _Refusal:
    """Rows that a rule refuses; ``evidence`` gives the words for those at the places given."""

    reason: QuarantineReason
    rule: str
    rows: Mask
    evidence: Callable[[pa.Array], pa.Array] | str


def admit(export: Export, evidence: pa.Table, scores: pa.Table, facts: FirewallFacts, config: Config) -> Admission:
    """Decide over every record of a part.

    For rag and sft each row is let through or quarantined. For preference rows that are no side of a pair are neither.

    Args:
        evidence: rows of Evidence.
        scores: rows of EvidenceScore; row i belongs to row i of the evidence.
        config: the settings of this export.

    Raises:
        BadInputError: the scores are those of other rows.
    """
    if scores.num_rows != evidence.num_rows or not scores.column("evidence_id").equals(evidence.column("evidence_id")):
        raise BadInputError("these are not the scores of this evidence: row i of one must have the id of row i's other")
    sides = np.ones(evidence.num_rows, dtype=np.bool_)
    rows = _Rows(export, whole(evidence), whole(scores), facts, config, sides)
    if export == "preference":
        rows = replace(rows, waiting=rows.in_category(*side_categories(config)))
    quarantined: list[pa.Table] = []
    places: list[pa.Array] = []
    for check in _CHECKS:
        for refusal in check(rows):
            refused = refusal.rows & rows.waiting
            if refused.any():
                places.append(row_indices(refused))
                quarantined.append(_quarantine(rows, refusal, places[-1]))
                rows = replace(rows, waiting=rows.waiting & ~refused)
    if not places:
        return Admission(rows.waiting, arrow_schema(Quarantined).empty_table())
    order = pc.sort_indices(pa.concat_arrays(places))
    return Admission(rows.waiting, pa.concat_tables(quarantined).take(order))


def side_categories(config: Config) -> list[str]:
    """The categories a pair is made of."""
    fallback = isinstance(config, PreferenceConfig) and config.partial_fallback
    return ["accepted", "rejected", *(["partially_accepted"] if fallback else [])]


def _provenance(rows: _Rows) -> Iterator[_Refusal]:
    yield _Refusal(
        "missing_provenance", "producer", blank(rows.evidence["producer"]), "nobody is named as its producer"
    )
    stated, found = rows.evidence["sig_hash"], sig_hashes(rows.evidence)
    yield _Refusal(
        "missing_provenance",
        "sig-hash",
        ~bools(pc.equal(stated, found)),
        lambda at: _joined("sig_hash is ", stated.take(at), ", that of the row is ", found.take(at)),
    )
    yield _Refusal("missing_source_run", "run", blank(rows.evidence["run_id"]), "no run is named that produced it")


def _content(rows: _Rows) -> Iterator[_Refusal]:
    text, prompt = rows.evidence["text"], rows.evidence["prompt"]
    yield _Refusal("empty_content", "text", blank(text), lambda at: _shows_nothing("text", text.take(at)))
    if rows.export != "rag":
        empty = bools(prompt.is_valid()) & blank(prompt)
        yield _Refusal("empty_content", "prompt-text", empty, lambda at: _shows_nothing("prompt", prompt.take(at)))


def _form(rows: _Rows) -> Iterator[_Refusal]:
    if rows.export == "sft":
        yield _Refusal("schema_violation", "prompt", bools(rows.evidence["prompt"].is_null()), "there is no prompt")
    sizes = n_bytes(rows.evidence["text"]) + n_bytes(rows.evidence["prompt"])
    if rows.export != "rag":
        for fault, found in history_faults(rows.evidence["history"]).items():
            yield _Refusal("schema_violation", "history", found, fault)
        sizes = sizes + history_bytes(rows.evidence["history"])
    if isinstance(rows.config, SftConfig) and rows.config.contexts_in_prompt:
        sizes = sizes + context_bytes(rows.evidence["contexts"])
    yield _Refusal(
        "schema_violation",
        "length",
        sizes > MAX_BYTES,
        lambda at: _joined(pa.array(sizes).take(at).cast(pa.string()), f" bytes of text, {MAX_BYTES} at most"),
    )


def _category(rows: _Rows) -> Iterator[_Refusal]:
    if isinstance(rows.config, PreferenceConfig):
        return  # only rows of its categories are looked at
    scored = rows.scores
    unsafe = rows.in_category("rejected", "needs_human_review")
    allowed = rows.in_category("accepted")
    if isinstance(rows.config, RagConfig) and rows.config.include_review:
        allowed |= rows.in_category("needs_human_review")
    if rows.config.include_partial:
        allowed |= rows.in_category("partially_accepted")

    def said(at: pa.Array) -> pa.Array:
        rule = scored["rule_id"].take(at).fill_null("no rule")
        return _joined(
            scored["category"].take(at).fill_null("no category"), " by ", rule, ": ", scored["reason"].take(at)
        )

    yield _Refusal(_UNSAFE[rows.export], "category", unsafe & ~allowed, said)
    yield _Refusal("category_disallowed", "category-setting", ~allowed, said)


def _files(rows: _Rows) -> Iterator[_Refusal]:
    known = rows.facts.known_files
    if known is None:
        return
    held = rows.waiting & rows.in_category("accepted") if rows.export == "preference" else rows.waiting
    found = unknown_files(rows.evidence["text"], rows.evidence["claimed_files"], held, known)
    words = {
        row: f"{'its text names' if in_text else 'it claims'} {path[:200]}, none of the {len(known.paths)} known files"
        for row, path, in_text in found
    }
    refused = np.zeros(len(rows.waiting), dtype=np.bool_)
    refused[list(words)] = True
    yield _Refusal(
        "hallucinated_file_path", "files", refused, lambda at: pa.array([words[row] for row in at.to_pylist()])
    )


def _elsewhere(rows: _Rows) -> Iterator[_Refusal]:
    yield _Refusal("duplicate_id", "duplicate", rows.facts.repeated, "an earlier row has its id")
    golden = bools(pc.equal(rows.evidence["split"], "eval"))
    yield _Refusal("eval_contamination", "split", golden, "it belongs to the eval side of a golden dataset")
    contamination = whole(rows.facts.contamination)
    places = pc.index_in(rows.evidence["evidence_id"], contamination["evidence_id"])

    def match(at: pa.Array) -> pa.Array:
        found = {name: column.take(places.take(at)) for name, column in contamination.items()}
        similarity = pc.round(found["similarity"], 3).cast(pa.string())
        return _joined(found["match"], " match with ", found["eval_id"], ", similarity ", similarity)

    yield _Refusal("eval_contamination", "contamination", bools(places.is_valid()), match)


_CHECKS: tuple[Callable[[_Rows], Iterator[_Refusal]], ...] = (
    _provenance,
    _content,
    _form,
    _category,
    _files,
    _elsewhere,
)


def _quarantine(rows: _Rows, refusal: _Refusal, at: pa.Array) -> pa.Table:
    n_rows = len(at)
    words = refusal.evidence
    schema = arrow_schema(Quarantined)
    columns = {
        "export": _repeated(rows.export, n_rows),
        "other_id": pa.nulls(n_rows, pa.string()),
        "reason": _repeated(refusal.reason, n_rows),
        "rule": _repeated(f"{rows.export}.{refusal.rule}", n_rows),
        "evidence": _repeated(words, n_rows) if isinstance(words, str) else words(at),
        "category": rows.scores["category"].take(at),
    }
    given = (name for name in schema.names if name not in columns)
    columns |= {name: rows.evidence[name].take(at) for name in given}
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _repeated(value: str, n_rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), n_rows)


def _joined(*pieces: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*pieces, "")


def _shows_nothing(what: str, texts: pa.Array) -> pa.Array:
    return _joined(f"its {what} shows nothing: ", pc.utf8_length(texts).cast(pa.string()), " characters, none visible")
