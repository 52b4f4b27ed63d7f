"""The home: one folder that holds everything Millrace stores."""

import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from millrace.datasets.files import publish_once
from millrace.datasets.store import DatasetStore
from millrace.ledger.store import Ledger

HOME_VARIABLE = "MILLRACE_HOME"
DEFAULT_HOME = ".millrace"


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
        self.root.mkdir(parents=True, exist_ok=True)
        return Ledger.open(self.root / "ledger.sqlite")

    @property
    def index_root(self) -> Path:
        return self.root / "index"

    def run_folder(self, run_id: str) -> Path:
        return self.root / "runs" / run_id

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
            publish_once(path, secrets.token_hex(32).encode())
        return bytes.fromhex(path.read_text())
