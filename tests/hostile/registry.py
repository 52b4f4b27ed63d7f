"""Every reader of what others may have written."""

from functools import cache

from tests.hostile import (
    annotation_readers,
    document_readers,
    home_readers,
    row_readers,
    settings_readers,
    trust_readers,
)
from tests.hostile.cases import Reader


@cache
def readers() -> tuple[Reader, ...]:
    """By name, each once."""
    kinds = (row_readers, settings_readers, document_readers, annotation_readers, home_readers, trust_readers)
    return tuple(reader for kind in kinds for reader in kind.readers())
