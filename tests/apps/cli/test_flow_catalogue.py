"""Settings of flows: defaults, file, overrides, and what is said of wrong ones."""

import pytest

from apps.cli.flow_catalogue import load_flow, read_config
from millrace.errors import BadInputError, NotFoundError


@pytest.fixture
def toy():
    return load_flow("toy-flow")


def test_an_unknown_flow_is_answered_with_those_there_are():
    with pytest.raises(NotFoundError, match="no flow 'daily'; there are acceptance, answer-questions"):
        load_flow("daily")


def test_without_a_file_the_defaults_hold(toy):
    assert read_config(toy).model_dump()["n_rows"] == 3


def test_overrides_beat_the_file_beats_the_defaults(toy, tmp_path):
    (tmp_path / "c.yaml").write_text("n_rows: 5\nnested: {depth: 2}\n")
    config = read_config(toy, tmp_path / "c.yaml", ["nested.depth=7", "ask=true"])
    assert (config.n_rows, config.nested.depth, config.ask) == (5, 7, True)


def test_values_are_read_as_yaml(toy):
    assert read_config(toy, overrides=["folder=null"]).folder is None
    assert read_config(toy, overrides=["folder='3'"]).folder == "3"


def test_every_wrong_field_is_named_with_its_value_and_what_is_allowed(toy):
    with pytest.raises(BadInputError) as caught:
        read_config(toy, overrides=["n_rows=0", "nested.depth=12", "rows=3"])
    said = caught.value.details["problems"]
    assert "n_rows: 0 is not allowed: Input should be greater than or equal to 1" in said
    assert "nested.depth: 12 is not allowed: Input should be less than or equal to 9" in said
    assert "rows: no such setting; there are as_of, workers, n_rows, ask, fail, folder, nested" in said


@pytest.mark.parametrize("override", ["n_rows", "=3", "n_rows=[1"])
def test_a_malformed_override_is_refused(toy, override):
    with pytest.raises(BadInputError, match="--set"):
        read_config(toy, overrides=[override])


@pytest.mark.parametrize("content", ["- 1\n", "a: [", "\xff"])
def test_a_file_that_holds_no_settings_is_refused(toy, tmp_path, content):
    (tmp_path / "c.yaml").write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInputError, match=r"c\.yaml"):
        read_config(toy, tmp_path / "c.yaml")


@pytest.mark.parametrize("value", ["-0x" + "f" * 10_000, "[" + "x, " * 5000 + "]", '"' + "a" * 100_000 + '"'])
def test_what_is_wrong_is_shown_shortened(toy, value):
    with pytest.raises(BadInputError) as caught:
        read_config(toy, overrides=[f"n_rows={value}"])
    assert len(str(caught.value)) < 1000
    assert "n_rows: " in str(caught.value)


def test_of_many_complaints_the_first_are_shown(toy):
    with pytest.raises(BadInputError, match="and 80 more") as caught:
        read_config(toy, overrides=[f"no_such_{number}=1" for number in range(100)])
    assert len(caught.value.details["problems"]) == 21
