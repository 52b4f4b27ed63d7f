"""YAML of strangers: whatever is wrong with it is said, and what a few lines unfold to is bounded."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError, NotFoundError
from millrace.records import yaml_file
from millrace.records.yaml_file import parse_yaml, read_yaml

LAUGHS = "l0: &l0 [lol]\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
MERGES = "m0: &m0 {k: v}\n" + "".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 9))


@pytest.mark.parametrize(
    "text",
    [
        "!!int x", "!!int ''", "!!bool x", "!!float x", "!!timestamp x", "2026-99-99", "1" * 5000, "a: [", "\t",
        "!!python/object/apply:os.system ['true']", "{[a]: b}", "*nobody", "%YAML 9.9\n---\n",
        '"\\ud800"', '{"\\udfff": 1}', "a\n---\nb\n",
    ],
)  # fmt: skip
def test_what_is_wrong_is_bad_input_that_names_the_file(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^in\.yaml: cannot be read as YAML: .") as caught:
        parse_yaml(text, "in.yaml")
    assert str(caught.value).encode()
    assert len(str(caught.value)) < 1100


@pytest.mark.parametrize("text", ["[" * 20_000, "[" * 2000 + "]" * 2000, "- " * 5000, "? " * 5000])
def test_deep_nesting_is_bad_input(text: str) -> None:
    with pytest.raises(BadInputError, match="nested too deeply"):
        parse_yaml(text, "in.yaml")


@pytest.mark.parametrize("text", [LAUGHS, MERGES])
def test_aliases_that_stand_for_too_much_are_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="with its aliases written out it is too large"):
        parse_yaml(text, "in.yaml")


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "a: &a [b, {c: [*a]}]", "&a {? *a : 1}"])
def test_a_value_that_holds_itself_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="an alias names a value that it stands in"):
        parse_yaml(text, "in.yaml")


def test_aliases_in_measure_are_taken() -> None:
    assert parse_yaml("a: &a {x: [1]}\nb: *a\nc: {<<: *a, y: 2}\nd: [*a, *a]\n", "in.yaml") == {
        "a": {"x": [1]}, "b": {"x": [1]}, "c": {"x": [1], "y": 2}, "d": [{"x": [1]}, {"x": [1]}],
    }  # fmt: skip


def test_the_measure_counts_texts_and_64_for_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    # a list, its text of 3 characters and that again by alias: 64 + 2 * (64 + 3)
    monkeypatch.setattr(yaml_file, "MAX_WRITTEN_OUT", 198)
    assert parse_yaml("[&a abc, *a]", "in.yaml") == ["abc", "abc"]
    monkeypatch.setattr(yaml_file, "MAX_WRITTEN_OUT", 197)
    with pytest.raises(BadInputError, match="too large"):
        parse_yaml("[&a abc, *a]", "in.yaml")


def test_a_file_is_read_no_further_than_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in.yaml"
    path.write_text("a: 1\n")
    monkeypatch.setattr(yaml_file, "MAX_BYTES", 5)
    assert read_yaml(path) == {"a": 1}
    monkeypatch.setattr(yaml_file, "MAX_BYTES", 4)
    with pytest.raises(BadInputError, match=r"in\.yaml: more than 4 bytes"):
        read_yaml(path)
    with pytest.raises(BadInputError, match="more than 4 bytes"):
        read_yaml(Path("/dev/zero"))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file absent\.yaml"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_yaml(tmp_path)
    (tmp_path / "in.yaml").write_bytes(b"\xff")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_yaml(tmp_path / "in.yaml")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_yaml_writes_is_read_as_yaml_reads_it(value: object) -> None:
    text = yaml.safe_dump(value)
    assert parse_yaml(text, "in.yaml") == yaml.safe_load(text)


@given(st.text(max_size=200) | st.text("[]{}&*!%|>-?:, \n\"'#ab1~<=.", max_size=60))
def test_any_text_is_a_value_or_bad_input(text: str) -> None:
    with suppress(BadInputError):
        parse_yaml(text, "in.yaml")
