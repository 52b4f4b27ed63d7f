"""Drafts begin with a question that stands alone by rules; a model rewrites it where there is one."""

import json

from millrace.answering.draft import Draft
from millrace.answering.standalone import StandaloneConfig, begin_drafts, rewrite_drafts
from millrace.ports import ChatRequest
from millrace.records.answer import Question
from millrace.records.trace import Turn, utc
from tests.support.chat import Reply, RuleModel, failed

RETRIES = "How do I set the retries of a task?"
STANDALONE = "And in Docker? (set retries task)"


def question(text: str, *earlier: str) -> Question:
    history = [
        turn for said in earlier for turn in (Turn(speaker="user", text=said), Turn(speaker="assistant", text="A."))
    ]
    return Question(question_id=text, tenant_id="a", time=utc(2026, 1, 1), question=text, history=history)


def drafts(*questions: Question) -> list[Draft]:
    return begin_drafts(questions)


def rewriting(request: ChatRequest) -> Reply:
    asked = json.loads(request.messages[-1].content)
    return {"question": f"{asked['question']} [of {asked['conversation'][0]['user']}]"}


def test_a_draft_begins_with_its_question_standing_alone_and_no_route() -> None:
    first, later = drafts(question(RETRIES), question("And in Docker?", RETRIES))
    assert (first.query, first.phrasings, first.route) == (RETRIES, (RETRIES,), "")
    assert (later.query, later.phrasings) == (STANDALONE, (STANDALONE,))
    assert later.question.question == "And in Docker?"


def test_without_routing_every_draft_has_the_fallback() -> None:
    assert [draft.route for draft in begin_drafts([question("Why?"), question("  ")], "docs")] == ["docs", "docs"]


def test_the_model_is_asked_once_for_all_questions_of_conversations_and_for_no_others() -> None:
    model = RuleModel(rewriting)
    asked = drafts(question(RETRIES), question("And in Docker?", RETRIES), question("Why?", "The mill"))
    found = rewrite_drafts(asked, model, StandaloneConfig())
    assert [len(batch) for batch in model.batches] == [2]
    assert {(request.purpose, request.tier) for request in model.batches[0]} == {("standalone", "cheap")}
    assert [each.draft.query for each in found] == [
        RETRIES, f"And in Docker? [of {RETRIES}]", "Why? [of The mill]",
    ]  # fmt: skip
    assert [each.by for each in found] == ["none", "model", "model"]
    assert [[purpose for purpose, _ in each.draft.usages] for each in found] == [[], ["standalone"], ["standalone"]]


def test_a_call_that_fails_leaves_the_query_of_the_rules_and_says_why() -> None:
    (found,) = rewrite_drafts(
        drafts(question("And in Docker?", RETRIES)), RuleModel(lambda _: failed("rate_limited")), StandaloneConfig()
    )
    assert (found.draft.query, found.by, found.failure) == (STANDALONE, "rules", "rate_limited")
    assert [purpose for purpose, _ in found.draft.usages] == ["standalone"]


def test_a_blank_rewriting_is_no_rewriting() -> None:
    (found,) = rewrite_drafts(
        drafts(question("And in Docker?", RETRIES)), RuleModel(lambda _: {"question": " \n"}), StandaloneConfig()
    )
    assert (found.draft.query, found.by, found.failure) == (STANDALONE, "rules", "blank")


def test_a_question_given_back_unchanged_was_not_rewritten() -> None:
    (found,) = rewrite_drafts(
        drafts(question("And in Docker?", RETRIES)), RuleModel(lambda _: {"question": "And in Docker?"}),
        StandaloneConfig(),
    )  # fmt: skip
    assert (found.draft.query, found.by) == ("And in Docker?", "none")


def test_the_model_sees_the_latest_turns_and_no_endless_ones() -> None:
    model = RuleModel(lambda _: {"question": "x"})
    rewrite_drafts(drafts(question("Why?", "first", "second " * 9_000)), model, StandaloneConfig(n_turns=2))
    told = json.loads(model.batches[0][0].messages[-1].content)
    assert [list(turn) for turn in told["conversation"]] == [["user"], ["assistant"]]
    assert len(told["conversation"][0]["user"]) == 1_500


def test_switched_off_or_without_a_model_the_rules_do() -> None:
    model = RuleModel(rewriting)
    asked = drafts(question("And in Docker?", RETRIES))
    off = rewrite_drafts(asked, model, StandaloneConfig(by_model=False))
    without = rewrite_drafts(asked, None, StandaloneConfig())
    assert [each.by for each in (*off, *without)] == ["rules", "rules"]
    assert model.batches == []
