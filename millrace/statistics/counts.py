"""How often values occur."""

import pyarrow as pa
import pyarrow.compute as pc


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Occurrences of each value, nulls left out; most frequent first, equal ones by name."""
    pairs = ((row["values"], row["counts"]) for row in pc.value_counts(column.drop_null()).to_pylist())
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
