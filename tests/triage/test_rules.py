from pathlib import Path

import pytest

from millrace.errors import BadInputError
from millrace.triage.rules import TriageRules, read_triage_rules

RULE = """
rules:
  - id: first
    failure_type: hallucination
    reason: 'score {groundedness}'
    when:
      - {signal: groundedness, op: lt, value: 0.5}
"""


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return read_triage_rules(path)


def test_a_good_table_is_read(tmp_path: Path) -> None:
    rules = read(tmp_path, RULE)
    assert isinstance(rules, TriageRules)
    assert [rule.id for rule in rules.rules] == ["first"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("signal: groundedness", "signal: groundness", "rules.yaml: rule 'first': no signal 'groundness'"),
        ("value: 0.5", "value: low", "'groundedness' is a number, it cannot be compared with 'low'"),
        ("value: 0.5", "value: true", "cannot be compared with True"),
        ("op: lt, value: 0.5", "op: is_null, value: 0.5", "takes no value"),
        ("op: lt, value: 0.5", "op: lt", "cannot be compared with None"),
        ("op: lt, value: 0.5", "op: in, value: [a]", "'in' compares a text signal with a list"),
        ("groundedness, op: lt, value: 0.5", "status, op: lt, value: a", "compared with eq or ne, not lt"),
        ("op: lt", "op: below", "rules.0.when.0.op"),
        ("{groundedness}", "{grounding}", "'grounding', which is no plain signal"),
        ("{groundedness}", "{groundedness.real}", "no plain signal"),
        ("{groundedness}", "{groundedness:9999}", "no plain signal"),
        ("{groundedness}", "{", "the reason is no template"),
        ("hallucination", "sadness", "rules.0.failure_type"),
        ("reason:", "basis: guessed\n    reason:", "rules.0.basis"),
        ("failure_type", "kind", "rules.yaml"),
        ("rules:", "rules: [", "cannot be read as YAML"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_rule(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInputError, match=r"^rules\.yaml") as caught:
        read(tmp_path, RULE.replace(old, new, 1))
    assert message in str(caught.value)


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="used twice"):
        read(tmp_path, RULE + RULE.replace("rules:\n", "", 1).lstrip("\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"absent\.yaml"):
        read_triage_rules(tmp_path / "absent.yaml")
