"""Records that may become sides of pairs, as numbers: what choosing pairs needs to know of each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.conversations import prompt_forms
from millrace.distillation.texts import Integers, Keys, Mask, keys, normal_form, short_keys, whole

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
    forms = prompt_forms(columns)
    prompts = keys([form or "" for form in forms])[:, 0]
    prompts[[form is None for form in forms]] = 0
    return Candidates(
        row=rows,
        category=category_codes(categories),
        order=keys(columns["evidence_id"].to_pylist())[:, 0],
        prompt=prompts,
        text=keys([normal_form(text) for text in columns["text"].to_pylist()])[:, 0],
        tenant=short_keys(columns["tenant_id"]),
        task=short_keys(columns["task_id"]),
        subject=short_keys(columns["subject"]),
        stream=short_keys(columns["stream"]),
    )


def category_codes(categories: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    """ACCEPTED, PARTIAL, REJECTED, or NEITHER for the others."""
    return np.asarray(pc.index_in(categories, _CATEGORIES).fill_null(NEITHER).to_numpy(), dtype=np.int8)


def may_pair(task: Keys, subject: Keys, category: npt.NDArray[np.int8]) -> Mask:
    """Whether an accepted record and a lower one share the row's task, or its subject; subject 0 is none.

    Tenants are left aside, so that a pair across them is seen and refused.
    """
    taking_part = category != NEITHER
    by_task = _has_both(task, category, taking_part)
    return by_task | _has_both(subject, category, taking_part & (subject != 0))


def _has_both(group: Keys, category: npt.NDArray[np.int8], rows: Mask) -> Mask:
    found = np.zeros(len(group), dtype=np.bool_)
    _, of_row = np.unique(group[rows], return_inverse=True)
    n_accepted = np.bincount(of_row, weights=category[rows] == ACCEPTED)
    n_rows = np.bincount(of_row)
    found[rows] = ((n_accepted > 0) & (n_accepted < n_rows))[of_row]
    return found
