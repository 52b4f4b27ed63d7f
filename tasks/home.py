"""The home: one folder that holds everything Millrace stores."""

import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from millrace.datasets.files import publish_once
from millrace.datasets.store import DatasetStore
from millrace.errors import BadInputError
from millrace.ledger.store import Ledger
from millrace.records.base import name_problem

HOME_VARIABLE = "MILLRACE_HOME"
DEFAULT_HOME = ".millrace"
_SECRET_BYTES = 32


def checked_run_id(run_id: str) -> str:
    """The id, which names folders and must not lead out of them.

    Raises:
        BadInputError: it cannot name a folder.
    """
    problem = name_problem(run_id)
    if problem is not None:
        raise BadInputError(f"the run id {run_id[:80]!r} {problem}: it names a folder, so choose a plain word")
    return run_id


@dataclass(frozen=True)
class Home:
    """Paths and stores under one root; nothing is created until it is used."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """``MILLRACE_HOME``, or ``.millrace`` in the working directory."""
        return cls(Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME)).absolute())

    @cached_property
    def datasets(self) -> DatasetStore:
        return DatasetStore(self.root / "datasets")

    @cached_property
    def ledger(self) -> Ledger:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)  # traces lie in it
        return Ledger.open(self.root / "ledger.sqlite")

    @property
    def index_root(self) -> Path:
        return self.root / "index"

    def run_folder(self, run_id: str) -> Path:
        """Where a run's receipts and summary lie.

        Raises:
            BadInputError: the id cannot name a folder.
        """
        return self.root / "runs" / checked_run_id(run_id)

    @cached_property
    def identity(self) -> str:
        """Random and constant for this home: keeps one home's cached results from another's."""
        return self._secret("home-id").hex()

    @cached_property
    def subject_key(self) -> bytes:
        """Keys the hashes of the subject index; readable by the owner only."""
        return self._secret("subject-key")

    def _secret(self, name: str) -> bytes:
        path = self.root / "keys" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            publish_once(path, secrets.token_hex(_SECRET_BYTES).encode())
        try:
            secret = bytes.fromhex(path.read_text())
            if len(secret) != _SECRET_BYTES:  # hashes keyed with nothing are as good as the names themselves
                raise ValueError(f"{len(secret)} bytes")
            return secret
        except (ValueError, OSError) as error:
            raise BadInputError(f"{path} is damaged: restore it from a backup of the home", file=str(path)) from error
