"""Everything Millrace raises on purpose.

MillraceError
├── BadInputError          data or settings are wrong; retrying is useless
│   ├── DamagedDatasetError    stored bytes no longer say what their manifest says
│   ├── LeakError              training data holds what the firewall must keep out
│   ├── NotFoundError          a named run, dataset, task or version does not exist
│   └── NewerHomeError         the home was written by a newer Millrace
└── UnavailableError       a service timed out or refused; safe to retry

One message argument; everything else travels as attributes, so that errors survive pickling.
"""


class MillraceError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what was wrong, where, and what to do.
        **details: facts for programs (file, line, row, expected, found); kept in ``details``.
    """

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class BadInputError(MillraceError):
    """Data or settings are wrong: fails at once and is never retried."""


class DamagedDatasetError(BadInputError):
    """A stored dataset differs from its manifest, or is not Millrace's."""


class LeakError(BadInputError):
    """A row that must not be there was found in an export: nothing is published, and the wall that failed is named."""


class NotFoundError(BadInputError):
    """Something named by the user does not exist."""


class NewerHomeError(BadInputError):
    """The home was written by a newer version; older code must not touch it."""


class UnavailableError(MillraceError):
    """A service timed out or refused; the same call may succeed later."""
