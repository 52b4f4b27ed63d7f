"""Questions are blocked for what was found when they were read; flagged passages are dropped or quoted as data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from millrace.answering.draft import Draft, Passage, Step
from millrace.answering.screening import QUOTED, ScreeningConfig, check_injection, check_pii, screen_passages
from millrace.records.answer import Question
from millrace.records.trace import RetrievedContext, utc


class Sees:
    """Flags texts that hold a word, and remembers what it was shown."""

    identity = "sees-evil"

    def __init__(self) -> None:
        self.shown: list[str] = []

    def detect(self, texts: Sequence[str]) -> list[str | None]:
        self.shown += texts
        return ["evil" if "evil" in text else None for text in texts]


def draft(text: str = "Why?", passages: Sequence[Passage] = (), **fields: Any) -> Draft:
    asked = Question.model_validate(
        {"question_id": "q", "tenant_id": "a", "time": utc(2026, 1, 1), "question": text} | fields
    )
    return Draft(question=asked, query=text, phrasings=(text,), route="rag", passages=tuple(passages))


def passage(text: str, title: str | None = None) -> Passage:
    return Passage(RetrievedContext(context_id=text, text=text, title=title), np.zeros(2, dtype=np.float32))


def said(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"speaker": speaker, "text": text} for speaker, text in pairs]


def test_a_question_stopped_by_a_rule_ends_blocked_with_the_rule_in_the_span() -> None:
    blocked, fine = check_injection(
        [draft(blocked_by="ignore", history=said(("user", "a"), ("assistant", "b"))), draft()]
    )

    assert (blocked.draft.status, blocked.draft.error) == ("blocked", "blocked by ignore")
    assert (blocked.facts["rule"], blocked.facts["level"], blocked.facts["n_checked"]) == ("ignore", 1, 2)
    assert (fine.draft.status, fine.facts["rule"], fine.facts["level"]) == (None, None, 1)


def test_the_second_level_sees_what_the_rules_let_pass_each_text_once() -> None:
    detector = Sees()
    evil_turn = said(("user", "evil"), ("assistant", "evil answer"))
    steps = check_injection([draft(blocked_by="ignore"), draft(), draft(), draft(history=evil_turn)], detector)

    assert detector.shown == ["Why?", "evil"]
    assert [step.draft.status for step in steps] == ["blocked", None, None, "blocked"]
    assert [(step.facts["level"], step.facts["rule"]) for step in steps[2:]] == [(2, None), (2, "evil")]
    assert [step.facts["detector"] for step in steps] == [None, "sees-evil", "sees-evil", "sees-evil"]


def test_personal_data_is_told_by_type_and_number() -> None:
    counts = {"redactions": [{"pii_type": "EMAIL", "n_items": 2}, {"pii_type": "PHONE", "n_items": 1}]}
    reported = {"reported_pii": [{"pii_type": "IP_ADDRESS", "n_items": 1}]}
    some, none = check_pii([draft(**counts, **reported), draft()])

    assert some.draft.status is None
    assert some.facts == {
        "redacted": "EMAIL 2, PHONE 1",
        "n_redacted": 3,
        "reported": "IP_ADDRESS 1",
        "n_reported": 1,
        "blocked_by": None,
    }
    assert none.facts == {"redacted": None, "n_redacted": 0, "reported": None, "n_reported": 0, "blocked_by": None}


def test_a_type_that_forbids_answering_ends_the_draft() -> None:
    (step,) = check_pii([draft(pii_blocked_by="CREDIT_CARD")])

    assert (step.draft.status, step.draft.error) == ("blocked", "blocked for personal data: CREDIT_CARD")
    assert step.facts["blocked_by"] == "CREDIT_CARD"


def steps_with(*passages: Passage) -> list[Step]:
    return [Step(draft(passages=passages), {"n_found": len(passages)})]


def test_a_flagged_passage_is_dropped_and_the_rest_keeps_its_order() -> None:
    (step,) = screen_passages(steps_with(passage("one"), passage("evil two"), passage("three")), Sees())

    assert [each.context.text for each in step.draft.passages] == ["one", "three"]
    assert step.facts == {"n_found": 3, "flagged_passages": "drop", "n_flagged": 1, "flagged_by": "evil"}


def test_a_quoted_passage_keeps_its_text_and_says_in_its_title_that_it_is_data() -> None:
    found = steps_with(passage("evil", title="Mail"), passage("fine"), passage("plain", title="evil title"))
    (step,) = screen_passages(found, Sees(), ScreeningConfig(flagged_passages="quote"))

    shown = [(each.context.title, each.context.text) for each in step.draft.passages]
    assert shown == [(f"{QUOTED} Mail", "evil"), (None, "fine"), (f"{QUOTED} evil title", "plain")]
    assert (step.facts["flagged_passages"], step.facts["n_flagged"]) == ("quote", 2)


def test_each_passage_is_read_once_however_often_it_was_found_and_decided_drafts_are_left_alone() -> None:
    detector = Sees()
    ended = Step(draft(passages=[passage("evil end")]).ended("abstained"), {"n_found": 1})
    steps = screen_passages([*steps_with(passage("one")), *steps_with(passage("one")), ended], detector)

    assert detector.shown == ["\none"]
    assert steps[2] is ended
    assert [step.facts["flagged_by"] for step in steps[:2]] == [None, None]


def test_without_a_detector_nothing_is_screened() -> None:
    found = steps_with(passage("evil"))

    assert screen_passages(found, None) == found


def test_settings_are_closed() -> None:
    with pytest.raises(ValidationError, match="flagged_passages"):
        ScreeningConfig.model_validate({"flagged_passages": "keep"})
