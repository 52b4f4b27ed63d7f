"""A question is searched for in several phrasings, its own first; a call that fails costs its phrasings only."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.answering.expansion import ExpansionConfig, distinct_phrasings, expand_drafts
from millrace.answering.standalone import begin_drafts
from millrace.methods.text import normalise_question
from millrace.ports import ChatRequest
from millrace.records.answer import Question
from millrace.records.trace import Turn, utc
from tests.support.chat import Reply, RuleModel, failed

RETRIES = "How do I set the retries of a task?"
STANDALONE = "And in Docker? (set retries task)"


def question(text: str, earlier: str | None = None) -> Question:
    history = [Turn(speaker="user", text=earlier)] if earlier else []
    return Question(question_id=text, tenant_id="a", time=utc(2026, 1, 1), question=text, history=history)


def obliging(request: ChatRequest) -> Reply:
    if request.purpose == "standalone":
        return {"question": "How do I set retries in Docker?"}
    query = json.loads(request.messages[-1].content)["question"]
    return {"phrasings": [f"{query} please", "retry settings"]}


def test_phrasings_are_of_the_question_that_stands_alone_and_come_after_it() -> None:
    model = RuleModel(obliging)
    (step,) = expand_drafts(begin_drafts([question("And in Docker?", RETRIES)]), model, ExpansionConfig())
    standalone = "How do I set retries in Docker?"
    assert step.draft.query == standalone
    assert step.draft.phrasings == (standalone, f"{standalone} please", "retry settings")
    assert [purpose for purpose, _ in step.draft.usages] == ["standalone", "expansion"]
    known = {name: value for name, value in step.facts.items() if value is not None}
    assert known == {"rewritten": "model", "n_phrasings": 3}


def test_all_drafts_of_a_part_are_asked_about_at_once() -> None:
    model = RuleModel(obliging)
    expand_drafts(
        begin_drafts([question("Why?", RETRIES), question(RETRIES), question("Who?")]), model, ExpansionConfig()
    )
    assert [[request.purpose for request in batch] for batch in model.batches] == [["standalone"], ["expansion"] * 3]
    assert {request.tier for batch in model.batches for request in batch} == {"cheap"}


def test_a_call_that_fails_costs_its_own_phrasings_only() -> None:
    def rule(request: ChatRequest) -> Reply:
        return failed() if "Who" in request.messages[-1].content else obliging(request)

    first, second = expand_drafts(
        begin_drafts([question("Who?"), question(RETRIES)]), RuleModel(rule), ExpansionConfig()
    )
    assert (first.draft.phrasings, first.facts["expansion_failure"]) == (("Who?",), "timeout")
    assert [purpose for purpose, _ in first.draft.usages] == ["expansion"]
    assert first.draft.status is None
    assert (second.facts["n_phrasings"], second.facts["expansion_failure"]) == (3, None)


def test_without_a_model_the_rules_give_the_only_phrasing() -> None:
    (step,) = expand_drafts(begin_drafts([question("And in Docker?", RETRIES)]), None, ExpansionConfig())
    assert step.draft.phrasings == (STANDALONE,)
    assert (step.facts["rewritten"], step.facts["n_phrasings"], step.draft.usages) == ("rules", 1, ())


def test_no_phrasings_are_asked_for_when_none_are_wanted_or_nothing_is_searched_for() -> None:
    model = RuleModel(obliging)
    (asked,) = begin_drafts([question(RETRIES)])
    expand_drafts([replace(asked, direct=True)], model, ExpansionConfig())
    expand_drafts([asked], model, ExpansionConfig(n_phrasings=0))
    assert model.batches == []


def test_the_number_asked_for_bounds_the_schema_and_the_phrasings() -> None:
    model = RuleModel(lambda _: {"phrasings": ["one", "two", "three"]})
    (step,) = expand_drafts(begin_drafts([question(RETRIES)]), model, ExpansionConfig(n_phrasings=2))
    (request,) = model.batches[0]
    assert request.schema is not None
    assert request.schema["properties"]["phrasings"]["maxItems"] == 2
    assert step.draft.phrasings == (RETRIES, "one", "two")


def test_phrasings_of_the_same_words_count_once() -> None:
    others = ["how do i set THE retries of a task", "  retry\n settings ", "", "Retry settings?", "???"]
    assert distinct_phrasings(RETRIES, others, 5) == (RETRIES, "retry settings")


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=8), st.integers(0, 5))
def test_the_query_is_first_and_no_two_say_the_same(query: str, others: list[str], at_most: int) -> None:
    found = distinct_phrasings(query, others, at_most)
    assert found[0] == query
    assert len(found) <= at_most + 1
    assert len({normalise_question(each) for each in found}) == len(found)
    assert distinct_phrasings(query, found[1:], at_most) == found


@pytest.mark.parametrize("field", ["n_phrasing", "model"])
def test_settings_are_closed(field: str) -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        ExpansionConfig.model_validate({field: 1})
