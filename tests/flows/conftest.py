"""The flows with an embedder that loads no model, on a small synthetic application."""

from pathlib import Path

import pytest

import blocks.embedder
from tests.support.embedder import stand_in
from tests.support.inputs import write_inputs


@pytest.fixture(autouse=True)
def _hashed_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks.embedder, "_block", stand_in)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_inputs(tmp_path / "inputs")
