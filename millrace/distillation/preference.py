"""Two answers to one prompt, the first preferred (D6): the firewall of pairs, and the rows that pass it.

A pair is refused by the first of these rules. ``millrace.distillation.firewall`` refuses records before that.

=================  ==========================  ===================================================================
reason             rule                        refuses
=================  ==========================  ===================================================================
self_pairing       preference.same-record      both sides are one record
invalid_pairing    preference.tenants          the sides belong to two tenants
invalid_pairing    preference.matter           neither one task, nor one subject as ``basis`` says
invalid_pairing    preference.gap              the first is not accepted, or the second is, or waits for review
schema_violation   preference.prompt           neither side has a prompt
invalid_pairing    preference.prompts          their prompts differ, with the turns before them
self_pairing       preference.equal-texts      their texts are equal but for case, spaces and what shows nothing
=================  ==========================  ===================================================================
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.config import PreferenceConfig
from millrace.distillation.conversations import conversations, prompt_form_column, single_turns
from millrace.distillation.firewall import Admission, side_categories
from millrace.distillation.provenance_columns import provenance
from millrace.distillation.texts import Mask, bools, form_column, row_indices, whole
from millrace.records.evidence import Quarantined, QuarantineReason
from millrace.records.exports import PreferencePair


class ProposedPairs(NamedTuple):
    """Pairs that somebody proposes: row i of each is pair i.

    Attributes:
        chosen, rejected: rows of Evidence with a column ``category`` from their scores.
        basis: "task" or "subject".
    """

    chosen: pa.Table
    rejected: pa.Table
    basis: pa.Array


class _Refusal(NamedTuple):
    reason: QuarantineReason
    rule: str
    pairs: Mask
    evidence: str


def admit_pairs(proposed: ProposedPairs, config: PreferenceConfig) -> Admission:
    """Decide over every pair: it is let through, or quarantined under the chosen side's id."""
    chosen, rejected = whole(proposed.chosen), whole(proposed.rejected)
    waiting = np.ones(len(proposed.basis), dtype=np.bool_)
    quarantined: list[pa.Table] = []
    places: list[pa.Array] = []
    for refusal in _refusals(chosen, rejected, proposed.basis, config):
        refused = refusal.pairs & waiting
        if refused.any():
            places.append(row_indices(refused))
            quarantined.append(_quarantine(chosen, rejected, refusal, places[-1]))
            waiting &= ~refused
    if not places:
        return Admission(waiting, arrow_schema(Quarantined).empty_table())
    order = pc.sort_indices(pa.concat_arrays(places))
    return Admission(waiting, pa.concat_tables(quarantined).take(order))


def _refusals(
    chosen: dict[str, pa.Array], rejected: dict[str, pa.Array], basis: pa.Array, config: PreferenceConfig
) -> Iterator[_Refusal]:
    same = {name: bools(pc.equal(chosen[name], rejected[name])) for name in ("evidence_id", "tenant_id", "task_id")}
    one_row = bools(pc.equal(chosen["sig_hash"], rejected["sig_hash"]))
    yield _Refusal("self_pairing", "same-record", same["evidence_id"] | one_row, "both sides are one record")
    yield _Refusal("invalid_pairing", "tenants", ~same["tenant_id"], "the sides belong to two tenants")
    about_one = np.where(
        bools(pc.equal(basis, "subject")),
        bools(pc.equal(chosen["subject"], rejected["subject"]))
        & ~bools(pc.equal(chosen["stream"], rejected["stream"])),
        same["task_id"],
    )
    yield _Refusal("invalid_pairing", "matter", ~about_one, "the sides are about neither one task nor one subject")
    lower = pa.array([name for name in side_categories(config) if name != "accepted"])
    gap = bools(pc.equal(chosen["category"], "accepted")) & bools(pc.is_in(rejected["category"], lower))
    yield _Refusal("invalid_pairing", "gap", ~gap, "one side is not accepted over the other")
    asked, other = prompt_form_column(chosen), prompt_form_column(rejected)
    unasked = bools(pc.and_(asked.is_null(), other.is_null()))
    yield _Refusal("schema_violation", "prompt", unasked, "neither side has a prompt")
    differ = bools(pc.not_equal(asked, other))  # null, where a side has none, counts as equal
    yield _Refusal("invalid_pairing", "prompts", differ, "the sides answer different prompts")
    equal = bools(pc.equal(form_column(chosen["text"]), form_column(rejected["text"])))
    yield _Refusal("self_pairing", "equal-texts", equal, "both sides say the same")


def preference_pairs(proposed: ProposedPairs) -> pa.Table:
    """One PreferencePair a pair that :func:`admit_pairs` let through; in order.

    A side without a prompt takes the other's, with the turns before it. ``user_id`` is the user of the chosen side,
    ``rejected_user_id`` that of the other.
    """
    chosen, rejected, schema = whole(proposed.chosen), whole(proposed.rejected), arrow_schema(PreferencePair)
    columns = {
        "pair_id": _pair_ids(chosen["evidence_id"], rejected["evidence_id"]),
        "rejected_user_id": rejected["user_id"],
        "prompt": _prompts(chosen, rejected),
        "chosen": single_turns(chosen["text"]),
        "rejected": single_turns(rejected["text"]),
        "chosen_id": chosen["evidence_id"],
        "rejected_id": rejected["evidence_id"],
        "chosen_category": chosen["category"],
        "rejected_category": rejected["category"],
        "basis": proposed.basis,
        "provenance": provenance(chosen),
        "rejected_provenance": provenance(rejected),
    }
    return pa.table([columns.get(name, chosen.get(name)) for name in schema.names], schema=schema)


def _prompts(chosen: dict[str, pa.Array], rejected: dict[str, pa.Array]) -> pa.ListArray:
    own = bools(chosen["prompt"].is_valid())
    places = np.arange(len(own)) + np.where(own, 0, len(own))
    history, prompt = (
        pa.concat_arrays([chosen[name], rejected[name]]).take(pa.array(places)) for name in ("history", "prompt")
    )
    return conversations(history, prompt)


def _pair_ids(chosen: pa.Array, rejected: pa.Array) -> list[str]:
    lengths = pc.utf8_length(chosen).cast(pa.string())
    named = pc.binary_join_element_wise(lengths, chosen, rejected, " ").cast(pa.binary())
    return [f"pair-{sha256(name).hexdigest()[:24]}" for name in named.to_pylist()]


def _quarantine(
    chosen: dict[str, pa.Array], rejected: dict[str, pa.Array], refusal: _Refusal, at: pa.Array
) -> pa.Table:
    schema, n_pairs = arrow_schema(Quarantined), len(at)
    said = pc.binary_join_element_wise(
        f"{refusal.evidence}: ", chosen["category"].take(at), " over ", rejected["category"].take(at), ""
    )
    columns = {
        "export": pa.repeat("preference", n_pairs),
        "other_id": rejected["evidence_id"].take(at),
        "reason": pa.repeat(refusal.reason, n_pairs),
        "rule": pa.repeat(f"preference.{refusal.rule}", n_pairs),
        "evidence": said,
    }
    given = (name for name in schema.names if name not in columns)
    columns |= {name: chosen[name].take(at) for name in given}
    return pa.table([columns[name] for name in schema.names], schema=schema)
