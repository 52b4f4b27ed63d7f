"""An answer while a person makes it."""

from dataclasses import dataclass, field
from typing import Any, get_args

from millrace.annotation.answers import read_answer
from millrace.methods.abstention import is_abstention
from millrace.records.annotation import AnnotationAnswer, AnswerSupport, AnswerVerdict, ExpectedBehaviour

CHOICES: dict[str, dict[str, str]] = {
    "verdict": {str(place): name for place, name in enumerate(get_args(AnswerVerdict), start=1)},
    "behaviour": dict(zip("atb", get_args(ExpectedBehaviour), strict=True)),
    "support": dict(zip("lpo", get_args(AnswerSupport), strict=True)),
}
"""By what is chosen: the key of each choice, and its name. The letters are ones of the name that nothing else uses."""


@dataclass
class Draft:
    """What is chosen and typed so far; ``given`` is the application's own answer."""

    given: str | None = None
    verdict: str | None = None
    behaviour: str | None = None
    support: str | None = None
    expected: str = ""
    note: str = ""
    _before: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mark_stored()

    @classmethod
    def of(cls, given: str | None, answer: AnnotationAnswer) -> "Draft":
        """The draft to begin with when an earlier answer is changed."""
        return cls(
            given=given,
            verdict=answer.verdict,
            behaviour=answer.expected_behaviour,
            support=answer.support,
            expected=answer.expected_answer or "",
            note=answer.note or "",
        )

    @property
    def changed(self) -> bool:
        """Whether anything would be lost by leaving it."""
        return self._state() != self._before

    def mark_stored(self) -> None:
        """From here on nothing would be lost."""
        self._before = self._state()

    def choose(self, what: str, name: str) -> None:
        """Choose; support once more takes it back, as it need not be judged.

        An answer in order is expected as it was given: that is filled in where nothing else was chosen or typed, and
        taken back when the verdict changes.
        """
        if what == "support":
            self.support = None if self.support == name else name
            return
        setattr(self, what, name)
        if self.verdict == "ok":
            self._expect_as_given()
        elif what == "verdict" and self.expected == (self.given or ""):
            self.expected = ""

    def fields(self) -> dict[str, object]:
        """As ``read_answer`` takes them; an expected answer only where one is expected."""
        return {
            "verdict": self.verdict,
            "expected_behaviour": self.behaviour,
            "expected_answer": self.expected if self.behaviour == "answer" else "",
            "note": self.note,
            "support": self.support,
        }

    def read(self) -> AnnotationAnswer | list[str]:
        """The answer, or what is missing or wrong, with the keys that mend it."""
        missing = []
        if self.verdict is None:
            missing.append("choose a verdict: keys 1 to 7")
        if self.behaviour is None:
            missing.append("choose what the application should have done: a answer, t abstain, b block")
        if missing:
            return missing
        if self.behaviour == "answer" and not self.expected.strip():
            return ["write the answer that was expected: e; or expect it to abstain (t) or block (b)"]
        return read_answer(self.fields())

    def _expect_as_given(self) -> None:
        if not (self.given or "").strip():
            return
        if self.behaviour is None:
            self.behaviour = "abstain" if is_abstention(self.given or "") else "answer"
        if self.behaviour == "answer" and not self.expected.strip():
            self.expected = self.given or ""

    def _state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("verdict", "behaviour", "support", "expected", "note")}
