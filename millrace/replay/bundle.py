"""What of the distilled knowledge a task is given (D12): pieces that stood, and pieces to beware of.

Knowledge is searched for in the vector index, so it takes the form of the index's passages here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pydantic import Field

from millrace.datasets.schema import rows_of, table_of
from millrace.methods.text import normalise
from millrace.records.base import Record
from millrace.records.document import Chunk, MetadataField
from millrace.records.exports import RagRow
from millrace.records.replay import BundleItem, ReplayTask

Purpose = Literal["accepted", "warning"]
PURPOSES: tuple[Purpose, ...] = ("accepted", "warning")
PURPOSE_FIELD, REASON_FIELD = "purpose", "reason"  # of a passage's metadata
_MAX_REASON = 1024
_NOBODY = "default"


class BundleConfig(Record):
    """How many pieces a task is given, and from which nearness."""

    n_accepted: int = Field(3, ge=0, le=20, description="Most accepted pieces")
    n_warnings: int = Field(2, ge=0, le=20, description="Most pieces to beware of")
    min_similarity: float = Field(0.3, ge=-1, le=1, description="Pieces with a lower cosine to the question stay out")

    def wanted(self, purpose: Purpose) -> int:
        """Most pieces of this purpose."""
        return self.n_accepted if purpose == "accepted" else self.n_warnings


@dataclass(frozen=True)
class Bundled:
    """A task with its context: accepted pieces, then warnings, each best first."""

    task: ReplayTask
    items: tuple[BundleItem, ...] = ()

    def of(self, purpose: Purpose) -> tuple[BundleItem, ...]:
        """The pieces of one purpose, best first."""
        return tuple(item for item in self.items if item.purpose == purpose)


def knowledge_chunks(rows: pa.Table) -> pa.Table:
    """Rows of ``RagRow`` as passages of the index, in order: the title goes before the text where they are embedded.

    What stood wholly is ``accepted``; what stood in part, or waits for review, is a ``warning``.
    """
    return table_of(Chunk, (_chunk(row) for row in rows_of(RagRow, rows)))


def bundle_items(found: Sequence[BundleItem], config: BundleConfig) -> tuple[BundleItem, ...]:
    """The first pieces of each purpose that are near enough, accepted ones first; of equal texts only the first.

    Args:
        found: hits of one tenant; those of one purpose best first.
    """
    seen: set[str] = set()
    return tuple(item for purpose in PURPOSES for item in _first(purpose, found, config, seen))


def _first(purpose: Purpose, found: Sequence[BundleItem], config: BundleConfig, seen: set[str]) -> Iterator[BundleItem]:
    left = config.wanted(purpose)
    for item in found:
        same = normalise(item.text)
        if left and item.purpose == purpose and item.score >= config.min_similarity and same not in seen:
            seen.add(same)
            left -= 1
            yield item


def _chunk(row: RagRow) -> Chunk:
    purpose: Purpose = "accepted" if row.category == "accepted" else "warning"
    return Chunk(
        chunk_id=row.evidence_id,
        doc_id=row.task_id,
        tenant_id=row.tenant_id,
        user_id=row.user_id or _NOBODY,
        title=row.title,
        headings=[],
        text=row.text,
        start=0,
        end=len(row.text),
        position=0,
        metadata=[
            MetadataField(name=PURPOSE_FIELD, value=purpose),
            MetadataField(name=REASON_FIELD, value=row.reason[:_MAX_REASON]),
        ],
    )
