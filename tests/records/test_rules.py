"""Rule tables are refused whole, with the file, the rule and the field."""

from pathlib import Path

import pytest

from millrace.errors import BadInputError
from millrace.records.rules import PatternRule, read_rules

GOOD = "{id: digits, regex: '[0-9]', reason: why, positive: '1', negative: a}"


def _file(folder: Path, text: str) -> Path:
    path = folder / "table.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_rules_are_read_in_file_order(tmp_path: Path) -> None:
    other = GOOD.replace("digits", "a_first")

    rules = read_rules(_file(tmp_path, f"rules: [{GOOD}, {other}]"), PatternRule)

    assert [rule.id for rule in rules] == ["digits", "a_first"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("rules: [", "cannot be read as YAML"),
        ("[1, 2]", "expected one key"),
        ("rules: 3", "expected one key"),
        ("rules: [7]", "rule None"),
        (f"rules: [{GOOD}, {GOOD}]", "used twice"),
        (f"rules: [{GOOD.replace('[0-9]', '[0-9')}]", "field 'regex'"),
        (f"rules: [{GOOD.replace('reason', 'raeson')}]", "rule 'digits'"),
    ],
)
def test_a_bad_table_says_file_and_place(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(BadInputError, match=r"table\.yaml") as caught:
        read_rules(_file(tmp_path, text), PatternRule)

    assert part in str(caught.value)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"absent\.yaml"):
        read_rules(tmp_path / "absent.yaml", PatternRule)
