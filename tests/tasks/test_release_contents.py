"""What a card's head says of the licence."""

from pathlib import Path

import pytest

from tasks.release_contents import card_licence


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\n\n# Card\n", "mit"),
        ("---\npretty_name: x\nlicense: other\nlicense_name: several, see below\n---\n", "several, see below"),
        ("---\nlicense: unknown\n---\n", None),
        ("---\npretty_name: x\n---\nlicense: mit\n", None),
        ("---\nlicense: [\n---\n", None),
        ("---\n- a\n---\n", None),
        ("# Card\n---\nlicense: mit\n---\n", None),
        ("---\nlicense: mit\n", None),
        ("", None),
    ],
)
def test_the_licence_is_that_of_the_head_where_it_is_known(tmp_path: Path, card: str, licence: str | None) -> None:
    path = tmp_path / "README.md"
    path.write_text(card)
    assert card_licence(path) == licence
