"""Provenance of exported rows, built on columns."""

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.records.exports import RagRow

_KIND = arrow_schema(RagRow).field("provenance").type


def provenance(evidence: dict[str, pa.Array]) -> pa.StructArray:
    """One Provenance a row of the evidence."""
    return pa.StructArray.from_arrays([evidence[field.name] for field in _KIND], fields=list(_KIND))
