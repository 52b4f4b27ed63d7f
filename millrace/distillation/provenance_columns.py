"""Provenance of exported rows, built on columns."""

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.records.exports import RagRow

_KIND = arrow_schema(RagRow).field("provenance").type

PROVENANCE_COLUMNS: tuple[str, ...] = tuple(field.name for field in _KIND)
"""Columns of Evidence that it is made of."""


def provenance(evidence: dict[str, pa.Array]) -> pa.StructArray:
    """One Provenance a row of the evidence."""
    return pa.StructArray.from_arrays([evidence[name] for name in PROVENANCE_COLUMNS], fields=list(_KIND))
