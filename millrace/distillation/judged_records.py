"""All evidence as the third wall judges by it: numbers for what each record says, and what keeps it from any file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.claimed_files import KnownFiles, unknown_files
from millrace.distillation.conversations import prompt_form_column
from millrace.distillation.evidence import sig_hashes
from millrace.distillation.texts import Integers, Keys, Mask, blank, bools, column_keys, hash_keys, short_keys, whole

EVIDENCE_COLUMNS = (
    *("evidence_id", "stream", "source_file", "source_offset", "row_hash", "sig_hash", "recorded_at", "run_id"),
    *("task_id", "producer", "tenant_id", "split", "prompt", "history", "text", "claimed_files"),
)
"""Columns of Evidence that the wall judges by."""
JUDGED_COLUMNS = (*EVIDENCE_COLUMNS, "category", "contaminated")
"""Columns of the tables it is given: besides those ``category``, of the scores, and ``contaminated``, true where the
contamination names the id."""

KEYED_COLUMNS = ("evidence_id", "text", "sig_hash", "tenant_id", "category", "prompt", "history")
"""Those of which :func:`record_keys` makes keys."""

Judging = Callable[[], Iterator[pa.Table]]
Faults = npt.NDArray[np.uint8]

FORGED, NO_PRODUCER, NO_RUN, EVAL_EXAMPLE, UNKNOWN_FILE = (1 << bit for bit in range(5))


@dataclass(frozen=True)
class RecordKeys:
    """Columns of one length, 82 bytes a record, sorted by id; of records with one id the first comes first.

    Attributes:
        ids, texts, hashes: keys of 128 bits, shape (n, 2); ``hashes`` of the sig_hash that the record should have.
        tenants, categories, prompts: keys of 64 bits.
        forms: keys of 64 bits of the prompt's form with the turns before it; 0 for a record without a prompt.
        faults: sum of FORGED, NO_PRODUCER, NO_RUN, EVAL_EXAMPLE, UNKNOWN_FILE.
    """

    ids: Keys
    texts: Keys
    hashes: Keys
    tenants: Keys
    categories: Keys
    prompts: Keys
    forms: Keys
    faults: Faults

    def places(self, ids: Keys) -> Integers:
        """The first record with each id; -1 where there is none."""
        found = np.searchsorted(self.ids[:, 0], ids[:, 0])
        places = np.full(len(ids), -1, dtype=np.int64)
        looking = np.arange(len(ids))
        while len(looking):  # more than once only where 64 bits of two ids are equal
            looking = looking[found[looking] < len(self.ids)]
            at = self.ids[found[looking]]
            same = (at == ids[looking]).all(axis=1)
            places[looking[same]] = found[looking[same]]
            looking = looking[~same & (at[:, 0] == ids[looking, 0])]
            found[looking] += 1
        return places


@dataclass(frozen=True)
class Records:
    """A part of the evidence: :data:`JUDGED_COLUMNS`, ``sig_hash`` as it should be, and the records' faults."""

    columns: dict[str, pa.Array]
    faults: Faults


class JudgedRecords:
    """All evidence to judge by; its keys are made once, when first needed, for however many files, on any thread."""

    def __init__(self, evidence_scores: Judging) -> None:
        """``evidence_scores`` gives tables with :data:`JUDGED_COLUMNS`: all evidence in order, part by part."""
        self._evidence_scores = evidence_scores
        self._lock = Lock()
        self._found: tuple[KnownFiles | None, RecordKeys] | None = None

    def keys(self, known_files: KnownFiles | None) -> RecordKeys:
        """What the records say; read again only when other files are known than the last time."""
        with self._lock:
            if self._found is None or self._found[0] != known_files:
                parts = [record_keys(found.columns, found.faults) for found in self.records(known_files)]
                self._found = (known_files, sorted_keys(parts))
            return self._found[1]

    def records(self, known_files: KnownFiles | None) -> Iterator[Records]:
        """All evidence in order, part by part; read whenever it is asked for."""
        return (judged_records(whole(table), known_files) for table in self._evidence_scores())


def judged_records(record: dict[str, pa.Array], known_files: KnownFiles | None) -> Records:
    """A part of the evidence and what is wrong with its records.

    Args:
        record: the columns :data:`JUDGED_COLUMNS`.
    """
    true_hashes = sig_hashes(record)
    faults = FORGED * ~bools(pc.equal(record["sig_hash"], true_hashes))
    faults |= NO_PRODUCER * _blank_name(record["producer"]) | NO_RUN * _blank_name(record["run_id"])
    faults |= EVAL_EXAMPLE * (bools(record["contaminated"]) | bools(pc.equal(record["split"], "eval")))
    faults |= UNKNOWN_FILE * _names_unknown(record, known_files)
    return Records(record | {"sig_hash": true_hashes}, faults.astype(np.uint8))


def record_keys(record: dict[str, pa.Array], faults: Faults) -> RecordKeys:
    """The :data:`KEYED_COLUMNS` of :class:`Records` as keys, in their order."""
    return RecordKeys(
        ids=column_keys(record["evidence_id"]),
        texts=column_keys(record["text"]),
        hashes=hash_keys(record["sig_hash"]),
        tenants=short_keys(record["tenant_id"]),
        categories=short_keys(record["category"]),
        prompts=short_keys(record["prompt"]),
        forms=short_keys(prompt_form_column(record)),
        faults=faults,
    )


def _blank_name(names: pa.Array) -> Mask:
    """Whether a name is null or shows nothing; few names stand in many rows."""
    coded = names.dictionary_encode()
    found = np.append(blank(coded.dictionary), True)
    return found[np.asarray(coded.indices.fill_null(len(coded.dictionary)).to_numpy(), dtype=np.int64)]


def _names_unknown(record: dict[str, pa.Array], known_files: KnownFiles | None) -> Mask:
    found = np.zeros(len(record["text"]), dtype=np.bool_)
    if known_files is not None:
        named = unknown_files(record["text"], record["claimed_files"], ~found, known_files)
        found[[row for row, *_ in named]] = True
    return found


def sorted_keys(parts: list[RecordKeys]) -> RecordKeys:
    """All parts as one, sorted by id; the list is emptied."""
    pairs, single = np.zeros((0, 2), dtype=np.uint64), np.zeros(0, dtype=np.uint64)
    nothing = RecordKeys(pairs, pairs, pairs, single, single, single, single, np.zeros(0, dtype=np.uint8))
    columns = {name: np.concatenate([vars(part)[name] for part in (nothing, *parts)]) for name in vars(nothing)}
    parts.clear()
    order = np.lexsort((columns["ids"][:, 1], columns["ids"][:, 0]))
    return RecordKeys(**{name: column[order] for name, column in columns.items()})
