"""A user with nothing yet."""

from pathlib import Path

import pytest

from tests.acceptance.processes import User


@pytest.fixture
def user(tmp_path: Path) -> User:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return User(folder)
