from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.question_identity import question_key


def test_spelling_does_not_count_and_the_turns_before_do() -> None:
    asked = question_key("acme", "What is a flow?", [])
    assert asked == question_key("acme", "  what is a FLOW", [])
    assert asked != question_key("acme", "What is a flow?", ["What is Prefect?"])
    assert asked != question_key("other", "What is a flow?", [])


@given(st.lists(st.text(alphabet="ab", min_size=1), max_size=3), st.text(alphabet="ab", min_size=1))
def test_no_turn_takes_the_place_of_another(history: list[str], question: str) -> None:
    assert question_key("acme", question, [*history, "c"]) != question_key("acme", question, history)
