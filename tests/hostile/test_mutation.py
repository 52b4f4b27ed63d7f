"""The engine: the same from the same number, small, and each kind of change does what it says."""

import random
from collections.abc import Sequence

import pytest

from tests.hostile import mutation, tokens
from tests.hostile.mutation import Files, Link, mutant

SEEDS: list[Files] = [
    {"in.json": b'{"a": "one", "b": [1, 2.5, true], "c": {"d": null}}\n{"a": "two"}\n'},
    {"in.json": b'{"x": "other", "y": -3}\n'},
]
FOLDER: list[Files] = [{"a.md": b"# A\n\nOne.\n", "sub/b.md": b"Two.\n", "c.json": b"{}"}]
WORDS: Sequence[bytes] = (b"NaN", b"[" * 100)


def test_the_same_number_is_the_same_input_whatever_was_made_before() -> None:
    def made(numbers: Sequence[int]) -> dict[int, Files]:
        return {number: mutant(SEEDS, number, "reader", dictionary=WORDS, is_folder=False) for number in numbers}

    assert made(range(50)) == made(range(49, -1, -1))


def test_numbers_and_readers_differ_in_their_inputs() -> None:
    def contents(name: str) -> set[bytes]:
        made = (mutant(SEEDS, number, name, dictionary=WORDS, is_folder=False) for number in range(200))
        return {content for files in made for content in files.values() if isinstance(content, bytes)}

    first, second = contents("first"), contents("second")
    assert len(first) > 150
    assert len(first & second) < 100


def test_seeds_stay_as_they_were() -> None:
    before = [dict(seed) for seed in FOLDER]
    for number in range(300):
        mutant(FOLDER, number, "reader", dictionary=WORDS, is_folder=True)
    assert before == FOLDER


def test_inputs_are_small() -> None:
    words = (*tokens.NUMBERS, *tokens.TEXTS, *tokens.VALUES, *tokens.YAML, *tokens.MARKUP, *tokens.BYTES, *tokens.PDF)
    for number in range(300):
        files = mutant(SEEDS, number, "reader", dictionary=words, is_folder=False)
        assert all(isinstance(each, Link) or len(each) <= mutation.MAX_BYTES for each in files.values())


def test_every_kind_of_change_changes_something() -> None:
    content = SEEDS[0]["in.json"]
    assert isinstance(content, bytes)
    for change in mutation.CHANGES:
        found = {change(content, random.Random(number), [b'{"x": 1}\n'] * 3) for number in range(40)}
        assert len(found - {content}) >= 3, change.__name__


def test_a_value_is_replaced_without_breaking_what_is_around_it() -> None:
    found = {mutation.replace_value(b'{"a": "one"}', random.Random(number), [b"NaN"]) for number in range(40)}
    assert found == {b'{NaN: "one"}', b'{"a": NaN}'}


def test_a_folder_gets_links_folders_and_names_and_stays_one_that_can_be_written() -> None:
    made = [mutant(FOLDER, number, "reader", dictionary=WORDS, is_folder=True) for number in range(500)]
    assert {content.target for files in made for content in files.values() if isinstance(content, Link)} == set(
        mutation.LINKS
    )
    assert any("sub/b.md" not in files for files in made)
    assert any(path not in FOLDER[0] for files in made for path in files)
    for files in made:
        assert not any(".." in path or path.startswith("/") for path in files)
        assert not any(longer.startswith(f"{shorter}/") for shorter in files for longer in files)


@pytest.mark.parametrize("name", ["NUMBERS", "TEXTS", "VALUES", "YAML", "MARKUP", "BYTES", "PDF", "NAMES"])
def test_tokens_are_listed_once(name: str) -> None:
    listed = getattr(tokens, name)
    assert len(listed) == len(set(listed))
