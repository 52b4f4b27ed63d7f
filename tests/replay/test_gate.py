"""The gate: every check passes what it should, fails what it should, and is left out where it cannot be made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from millrace.methods.consistency import AnsweredCase, Consistency
from millrace.methods.redaction import RedactionRule
from millrace.records.replay import BundleItem, ReplayRetrieval, ReplayTask
from millrace.records.rules import read_record, read_rules
from millrace.records.trace import Turn
from millrace.replay.bundle import Bundled
from millrace.replay.gate import Attempt, Gate, GateConfig, GateVerdict
from tests.support.replays import T0

CONFIGS = Path(__file__).parents[2] / "configs"
RULES = read_rules(CONFIGS / "pii.yaml", RedactionRule)
ABSTENTION = "I do not know the answer."


class Scorer:
    """Gives what it was told to, and keeps what it was shown; no passages have no score."""

    identity = "told/1"

    def __init__(self, *found: Consistency) -> None:
        self.found = found
        self.cases: list[AnsweredCase] = []

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        self.cases += cases
        return [self.found[place % len(self.found)] for place in range(len(cases))]


def bundled(*items: BundleItem, question: str = "How often?", **fields: Any) -> Bundled:
    return Bundled(ReplayTask(question_id="t", tenant_id="mill", time=T0, question=question, **fields), items)


def piece(evidence_id: str = "a", purpose: str = "accepted", text: str = "Twice a year.", score: float = 0.8) -> Any:
    content = {"evidence_id": evidence_id, "purpose": purpose, "title": "When?", "text": text, "score": score}
    return BundleItem.model_validate(content)


def judge(
    answer: str | None,
    given: Bundled | None = None,
    score: Consistency | None = None,
    retrieval: ReplayRetrieval = "index",
    settings: dict[str, Any] | None = None,
    **attempt: Any,
) -> GateVerdict:
    gate = Gate(GateConfig(**settings or {}), Scorer(score or Consistency(0.9)), RULES, retrieval)
    (verdict,) = gate.judge([given or bundled(piece())], [Attempt("model", answer, **attempt)])
    return verdict


def failed(verdict: GateVerdict) -> list[str]:
    names = [check.name for check in verdict.checks if not check.passed]
    assert verdict.passed == (not names and bool(verdict.checks))
    return names


def test_a_good_answer_passes_every_check() -> None:
    verdict = judge("Twice a year.", cited=("a",))
    assert [check.name for check in verdict.checks] == [
        "answered",
        "groundedness",
        "citations",
        "files_and_ids",
        "personal_data",
        "length",
    ]
    assert failed(verdict) == []
    assert verdict.groundedness == 0.9


@pytest.mark.parametrize("answer", [None, "", " \n"])
def test_an_empty_answer_fails_at_once(answer: str | None) -> None:
    verdict = judge(answer)
    assert failed(verdict) == ["answered"]
    assert len(verdict.checks) == 1


def test_an_abstention_passes_only_where_nothing_near_enough_was_known() -> None:
    undefined = Consistency(None, "abstained")
    assert failed(judge(ABSTENTION, bundled(piece(score=0.5)), undefined)) == ["answered"]
    for items in ([], [piece(score=0.499)], [piece(purpose="warning", score=0.9)]):
        verdict = judge(ABSTENTION, bundled(*items), undefined)
        assert failed(verdict) == []
        assert "groundedness" not in [check.name for check in verdict.checks]


def test_groundedness_has_a_bound_and_is_measured_against_accepted_pieces_only() -> None:
    assert failed(judge("So.", score=Consistency(0.55))) == []
    assert failed(judge("So.", score=Consistency(0.549))) == ["groundedness"]
    assert failed(judge("So.", score=Consistency(0.2), settings={"min_groundedness": 0.1})) == []
    scorer = Scorer(Consistency(0.9))
    turns = [Turn(speaker="user", text="Hi.")]
    given = bundled(piece(), piece("w", "warning", "Daily."), history=turns)
    Gate(GateConfig(), scorer, RULES, "index").judge([given], [Attempt("model", "Daily.")])
    assert scorer.cases == [AnsweredCase("Daily.", ("Twice a year.",), "How often?", tuple(turns))]


def test_a_claim_without_knowledge_fails_but_not_in_the_baseline() -> None:
    undefined = Consistency(None, "no_context")
    assert failed(judge("Twice.", bundled(), undefined)) == ["groundedness"]
    verdict = judge("Twice.", bundled(), undefined, retrieval="none")
    assert failed(verdict) == []
    assert {"groundedness", "citations"}.isdisjoint(check.name for check in verdict.checks)
    assert verdict.reason == "no_context"


def test_an_answer_that_claims_nothing_is_not_measured() -> None:
    assert failed(judge("Yes.", score=Consistency(None, "no_claim"))) == []


def test_citations_name_accepted_pieces() -> None:
    given = bundled(piece(), piece("w", "warning", "Daily."))
    assert failed(judge("So.", given, cited=("a", "a"))) == []
    assert failed(judge("So.", given, cited=("a", "w"))) == ["citations"]
    assert failed(judge("So.", given, cited=("elsewhere",))) == ["citations"]
    assert failed(judge("So.", given, n_invalid_citations=1)) == ["citations"]


def test_files_and_ids_come_from_what_was_shown() -> None:
    given = bundled(piece(text="See pump.md."), question="What of MILL-12?")
    assert failed(judge("MILL-12 is in pump.md.", given)) == []
    verdict = judge("MILL-13 is in valve.md.", given)
    assert failed(verdict) == ["files_and_ids"]
    assert [check.detail for check in verdict.checks if not check.passed] == ["named nowhere before: valve.md, MILL-13"]
    own = bundled(piece(), validation=[{"name": "n", "kind": "must_match", "value": "valve.md"}])
    assert failed(judge("It is in valve.md.", own)) == []


def test_personal_data_that_was_not_in_the_sources_fails() -> None:
    verdict = judge("Ask [EMAIL].")
    assert failed(verdict) == ["personal_data"]
    assert failed(judge("Ask [EMAIL].", bundled(piece(text="Write to [EMAIL].")))) == []
    assert failed(judge("Ask [SOMEBODY].")) == []


def test_length_has_two_bounds() -> None:
    bounds = {"min_characters": 3, "max_characters": 5}
    assert [failed(judge(answer, settings=bounds)) for answer in ("ab", "abc", " abcde ", "abcdef")] == [
        ["length"],
        [],
        [],
        ["length"],
    ]


def test_the_users_steps_are_checked_and_a_tasks_own_take_the_place_of_equal_names() -> None:
    everybody = [
        {"name": "unit", "kind": "must_match", "value": "year"},
        {"name": "calm", "kind": "must_not_match", "value": "!"},
    ]
    assert failed(judge("Twice a day!", settings={"steps": everybody})) == ["step:unit", "step:calm"]
    own = bundled(piece(), validation=[{"name": "unit", "kind": "must_match", "value": "day"}])
    assert failed(judge("Twice a day!", own, settings={"steps": everybody})) == ["step:calm"]


def test_an_attempt_with_an_error_has_no_checks_and_does_not_pass() -> None:
    verdict = judge(None, error="timeout: nobody answers")
    assert (verdict.passed, verdict.checks, verdict.groundedness, verdict.reason) == (False, (), None, "no_answer")


def test_settings_that_are_wrong_name_their_field(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="min_characters must not exceed"):
        GateConfig(min_characters=9, max_characters=3)
    file = tmp_path / "gate.yaml"
    file.write_text(yaml.safe_dump({"steps": [{"name": "a", "kind": "must_match", "value": "("}]}))
    with pytest.raises(Exception, match=r"gate\.yaml: field 'steps': .*validation\.0\.value"):
        read_record(file, GateConfig)


def test_the_bundled_table_is_usable_and_survives_json() -> None:
    config = read_record(CONFIGS / "replay_gate.yaml", GateConfig)
    assert GateConfig.model_validate(config.model_dump(mode="json")) == config
    verdict = judge("As an AI language model I know [[0123456789abcdef end]].", settings=config.model_dump())
    assert failed(verdict)[1:] == ["step:no-self-reference", "step:no-instructions-repeated"]  # and the mark is an id
