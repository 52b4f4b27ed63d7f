"""A ledger that the disk refuses says so, and keeps what it had."""

import resource
from pathlib import Path

import pytest

from millrace.errors import UnavailableError
from millrace.ledger import pins
from millrace.ledger.store import Ledger


def test_a_commit_that_the_disk_refuses_is_a_clear_error_and_changes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        pins.pin(ledger, "run", "kept", {"value": 1})
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "ledger.sqlite-wal").stat().st_size + 2_048, hard))
        try:
            with pytest.raises(UnavailableError, match=r"the disk refused the ledger.*run again"):
                pins.pin(ledger, "run", "lost", {"value": 2})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert pins.pins_of(ledger, "run") == {"kept": {"value": 1}}
        assert pins.pin(ledger, "run", "lost", {"value": 3}) == {"value": 3}
