"""Files and folders of the user's, named by content."""

from millrace.records.base import Identifier, Record, Sha256


class SourceRef(Record):
    """A file or folder to read: ``name`` and ``sha256`` identify it, ``path`` only says where it lies now."""

    path: str
    name: Identifier
    sha256: Sha256
