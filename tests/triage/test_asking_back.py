import pytest

from millrace.triage.asking_back import asks_back


@pytest.mark.parametrize(
    "answer",
    [
        "Which county are you referring to?",
        "There are many seasons; season 1 began in 2005. Which one do you mean?",
        "Could you clarify your question?",
        "Can you be more specific about the product?",
        "Are you asking about the pump or the motor?",
        "There are several, such as A and B. What is the one you\u2019re looking for?",
    ],
)
def test_a_question_for_what_is_meant_asks_back(answer: str) -> None:
    assert asks_back(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n",
        "The warranty is two years.",
        "Which county are you referring to? I take it to be Kings County.",  # it goes on
        "The warranty is two years. Would you like to know more?",
        "What else can I help you with?",
        "The warranty is two years. Is there anything else you want to ask?",
        "Why is the sea blue? It is the light.",
        "Who knows?",
    ],
)
def test_an_answer_or_an_offer_of_help_does_not(answer: str) -> None:
    assert not asks_back(answer)
