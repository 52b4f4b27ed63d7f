"""The rule table: what is read, and what is refused with file and rule."""

from pathlib import Path

import pytest

from millrace.errors import BadInputError
from millrace.monitoring.alert_rules import AlertRules, read_alert_rules
from tasks.tables import alert_rules

RULE = """
rules:
  - id: first
    severity: critical
    figure: evaluation/metric
    label: any
    without: [groundedness]
    when: {type: change, direction: drop, by: 0.2, days: 7, min_days: 3, at_most: 0.9}
    min_n: 20
    proven: true
    message: '{label} fell to {value}, {change} from {baseline}'
    playbook: retrieval
"""
CHANGE = "{type: change, direction: drop, by: 0.2, days: 7, min_days: 3, at_most: 0.9}"
STATUS = "{type: status, watch: drift}"


def read(tmp_path: Path, text: str) -> AlertRules:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return read_alert_rules(path, {"retrieval"}, {"metric": lambda name: name in ("groundedness", "faithfulness")})


def test_a_good_table_is_read(tmp_path: Path) -> None:
    (rule,) = read(tmp_path, RULE).rules
    assert (rule.id, rule.label, rule.proven, rule.when.type) == ("first", "any", True, "change")
    assert read(tmp_path, RULE.replace("label: any\n    without: [groundedness]", "label: faithfulness"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("figure: evaluation/metric", "figure: evaluation/metrics", "there is no figure 'evaluation/metrics'"),
        ("label: any\n    without: [groundedness]", "label: faith", "there is no metric 'faith'"),
        ("without: [groundedness]", "without: [grounding]", "there is no metric 'grounding'"),
        ("label: any", "label: faithfulness", "only the label 'any' can leave labels out"),
        ("    label: any\n    without: [groundedness]\n", "", "is taken by metric: name one as its label, or 'any'"),
        ("figure: evaluation/metric", "figure: pipeline/traces", "figure 'pipeline/traces' has no labels"),
        ("playbook: retrieval", "playbook: retrievals", "there is no playbook 'retrievals'"),
        ("{baseline}", "{base}", "the message names 'base'; it can name baseline, bound"),
        ("{baseline}", "{expected}", "the message names 'expected'"),
        ("{baseline}", "{value.real}", "the message names 'value.real'"),
        ("{baseline}", "{value:9999}", "the message names 'value'"),
        ("{baseline}", "{", "the message is no template"),
        ("min_days: 3", "min_days: 8", "min_days 8 is more than days 7"),
        ("by: 0.2", "by: 1.0", "nothing drops by 100 % or more"),
        ("at_most: 0.9", "at_least: 0.9", "a rise takes at_least, a drop at_most"),
        (CHANGE, STATUS, "a status takes neither 'proven' nor 'min_n'"),
    ],
)
def test_what_could_not_be_decided_is_refused_with_file_and_rule(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in RULE
    with pytest.raises(BadInputError, match=r"^rules\.yaml: rule 'first': ") as caught:
        read(tmp_path, RULE.replace(old, new, 1))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity: critical", "severity: fatal", "rules.0.severity"),
        ("type: change", "type: changed", "rules.0.when"),
        ("by: 0.2", "by: 0", "rules.0.when.change.by"),
        ("min_n: 20", "min_n: -1", "rules.0.min_n"),
        ("proven: true", "proved: true", "rules.0.proved"),
        (RULE.removeprefix("\nrules:\n"), "", "rules"),
        ("rules:", "rules: [", "cannot be read as YAML"),
    ],
)
def test_another_form_is_refused_with_file_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in RULE
    with pytest.raises(BadInputError, match=r"^rules\.yaml: ") as caught:
        read(tmp_path, RULE.replace(old, new, 1))
    assert message in str(caught.value)


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="rule 'first': its id is used twice"):
        read(tmp_path, RULE + RULE.replace("\nrules:\n", "", 1))


def test_the_bundled_table_has_the_rules_that_were_asked_for() -> None:
    severities = [rule.severity for rule in alert_rules().rules]
    assert severities.count("critical") >= 7
    assert severities.count("warning") >= 4
