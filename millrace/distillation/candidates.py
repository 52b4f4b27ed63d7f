"""Records that may become sides of pairs, as numbers: what choosing pairs needs to know of each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.conversations import prompt_form_column
from millrace.distillation.texts import Codes, Integers, Keys, Mask, column_keys, form_column, short_keys, whole

ACCEPTED, PARTIAL, REJECTED, NEITHER = range(4)
_CATEGORIES = pa.array(["accepted", "partially_accepted", "rejected"])


@dataclass(frozen=True)
class Candidates:
    """Columns of one length; 65 bytes a record. Keys are 64 bits of a sha256.

    Attributes:
        row: row of the evidence.
        category: ACCEPTED, PARTIAL or REJECTED.
        order: key of the id: the order in which records are chosen, whatever the order of their rows.
        tenant, task, stream: keys.
        subject, prompt: keys; 0 for none. A prompt's is over its normal form with the turns before it.
        text: key of the text's normal form.
    """

    row: Integers
    category: npt.NDArray[np.int8]
    order: Keys
    tenant: Keys
    task: Keys
    subject: Keys
    stream: Keys
    prompt: Keys
    text: Keys

    def __len__(self) -> int:
        return len(self.row)

    def take(self, places: npt.NDArray[np.int64] | Mask) -> "Candidates":
        return Candidates(**{name: column[places] for name, column in vars(self).items()})

    @classmethod
    def joined(cls, parts: list["Candidates"]) -> "Candidates":
        """One after the other; at least one."""
        return cls(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def candidates(evidence: pa.Table, categories: pa.ChunkedArray, rows: Integers) -> Candidates:
    """What choosing needs to know of these records.

    Args:
        evidence: rows of Evidence that the firewall let through as sides.
        categories: their categories.
        rows: their rows in the dataset.
    """
    columns = whole(evidence)
    return Candidates(
        row=rows,
        category=category_codes(categories),
        order=column_keys(columns["evidence_id"])[:, 0],
        prompt=short_keys(prompt_form_column(columns)),
        text=column_keys(form_column(columns["text"]))[:, 0],
        tenant=short_keys(columns["tenant_id"]),
        task=short_keys(columns["task_id"]),
        subject=short_keys(columns["subject"]),
        stream=short_keys(columns["stream"]),
    )


def category_codes(categories: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    """ACCEPTED, PARTIAL, REJECTED, or NEITHER for the others."""
    return np.asarray(pc.index_in(categories, _CATEGORIES).fill_null(NEITHER).to_numpy(), dtype=np.int8)


def category_names(of_rows: npt.NDArray[np.int8]) -> pa.Array:
    """What :func:`category_codes` was made of; null for NEITHER."""
    return _CATEGORIES.take(pa.array(of_rows, mask=of_rows == NEITHER))


def may_pair(tasks: Codes, subjects: Codes, category: npt.NDArray[np.int8]) -> Mask:
    """Whether an accepted record and a lower one share the row's task, or its subject.

    Tenants are left aside, so that a pair across them is seen and refused.

    Args:
        tasks, subjects: ``texts.codes``; -1 is none.
    """
    taking_part = category != NEITHER
    return _has_both(tasks, category, taking_part) | _has_both(subjects, category, taking_part)


def _has_both(groups: Codes, category: npt.NDArray[np.int8], rows: Mask) -> Mask:
    accepted, lower = (
        np.bincount(groups[rows & (groups >= 0) & which] + 1, minlength=groups.max(initial=-1) + 2) > 0
        for which in (category == ACCEPTED, category != ACCEPTED)
    )
    found: Mask = rows & (accepted & lower)[groups + 1]  # place 0 is that of no group
    return found
