"""Every planted leak is found and told by its kind; what has nothing to do with an eval example passes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of
from millrace.distillation import decontamination
from millrace.distillation.config import DecontaminationConfig
from millrace.distillation.decontamination import Decontaminator
from millrace.errors import BadInputError
from millrace.records.evidence import Contamination
from tests.support.contamination import assistant, examples, records, user
from tests.support.embedder import HashedWords

QUESTION = "How do I set retries for a flow?"
ANSWER = (
    "Pass the retries argument to the flow decorator, and set a delay so that the flow waits a while between the "
    "attempts that it makes before it gives up."
)
BY_WORDS = DecontaminationConfig(near_match=False)
CLEAN = {"prompt": "Where are the logs kept?", "text": "In the folder named logs, one file a day."}


def found(evals: pa.Table, *rows: dict[str, Any], config: DecontaminationConfig = BY_WORDS) -> list[Contamination]:
    part = Decontaminator(evals, config, None, None).part(records(*rows))
    return rows_of(Contamination, part)


def kinds(evals: pa.Table, *rows: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each.evidence_id, each.match, each.eval_id) for each in found(evals, *rows)]


EVALS = examples({"question": QUESTION, "expected_answer": ANSWER}, {"question": "Which port does the API use?"})


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": QUESTION},
        {"prompt": "how do i set RETRIES, for a flow"},
        {"prompt": "How do I s\u0435t re\u200btries for a fl\u00f6w?"},
        {"prompt": "**How** do I set [retries](http://x.example/y) for a flow"},
        {"prompt": QUESTION, "history": [user("Hello"), assistant("Hello!")]},
        {"prompt": "Thanks!", "history": [user(QUESTION), assistant("So.")]},
        {"prompt": "Translate", "text": f'The manual asks "{QUESTION}" and answers it.'},
        {"prompt": f"You are helpful.\n\nUser: {QUESTION}\nAssistant:"},
        {"prompt": "Tell me", "text": ANSWER.upper()},
        {"text": QUESTION},
    ],
)
def test_an_equal_question_or_answer_is_exact_wherever_it_stands(row: dict[str, Any]) -> None:
    (match,) = found(EVALS, CLEAN, row)
    assert (match.evidence_id, match.match, match.eval_id, match.similarity) == ("r1", "exact", "v0", 1.0)


@pytest.mark.parametrize("field", ["text", "prompt"])
def test_a_run_of_thirteen_words_counts_and_twelve_do_not(field: str) -> None:
    words = ANSWER.split()
    assert [each.match for each in found(EVALS, {field: " ".join(["Well,", *words[5:18], "I think"])})] == ["ngram"]
    assert found(EVALS, {field: " ".join(["Well,", *words[5:17], "I think"])}) == []


def test_the_similarity_of_a_run_is_the_share_of_the_answers_runs() -> None:
    # 29 words have 17 runs of 13; 15 words of them have three
    words = ANSWER.split()
    (match,) = found(EVALS, {"text": " ".join(words[:15])})
    assert match.similarity == pytest.approx(3 / 17)
    assert match.matched == f"expected answer: {ANSWER}"


def test_a_run_may_not_reach_from_one_text_into_another() -> None:
    words = ANSWER.split()
    row = {"prompt": " ".join(words[:10]), "text": " ".join(words[10:18]), "history": [user(" ".join(words[18:]))]}
    assert found(EVALS, row) == []


def test_a_short_text_counts_when_enough_of_its_runs_of_five_are_held() -> None:
    # 10 words have 6 runs of 5, of which 0.8 needs 5
    evals = examples({"question": "Which port does the API use by default on Windows?"})
    assert found(evals, {"prompt": "So which port does the api use by default there"}) == []
    one_missing = "So which port does the api use by default on Linux"
    assert [each.similarity for each in found(evals, {"prompt": one_missing})] == [pytest.approx(5 / 6)]
    split = "which port does the api use by default on; the api use by default on windows"
    assert [(each.match, each.similarity) for each in found(evals, {"prompt": split})] == [("ngram", 1.0)]


@pytest.mark.parametrize("question", ["and in Python", "how do i do that", "Why not?", "Which port"])
def test_a_text_that_says_little_is_not_looked_for_inside_longer_ones(question: str) -> None:
    evals = examples({"question": question})
    assert found(evals, {"prompt": "A question", "text": f"People ask {question} and so on"}) == []
    assert [each.match for each in found(evals, {"prompt": question})] == ["exact"]


@pytest.mark.parametrize("answer", ["Yes", "Restart the worker.", "No, it is not.", "42"])
def test_a_short_answer_is_no_leak_by_itself(answer: str) -> None:
    evals = examples({"question": QUESTION, "expected_answer": answer})
    assert found(evals, {"prompt": "Is it on?", "text": answer}) == []


def test_an_answer_of_five_content_words_is() -> None:
    evals = examples({"question": QUESTION, "expected_answer": "Restart worker, database, server and browser."})
    assert kinds(evals, {"prompt": "Help", "text": "restart worker database server and browser"}) == [
        ("r0", "exact", "v0")
    ]


def test_an_abstention_is_nobodys_answer() -> None:
    answer = "I'm sorry, but the documents do not contain any information about how to set the retries of a flow."
    evals = examples({"question": QUESTION, "expected_answer": answer})
    assert found(evals, {"prompt": "Where are the logs kept?", "text": answer}) == []


SHORT = {
    "question": "And in Python?",
    "history": [user("How do I read a variable of the environment in a shell?"), assistant("With $NAME.")],
}


@pytest.mark.parametrize(
    ("row", "leaks"),
    [
        ({"prompt": "And in Python?"}, False),
        ({"prompt": "And in Python?", "history": [user("How do I print a line in a shell?")]}, False),
        (
            {"prompt": "And in python", "history": [user("how do i read a variable of the environment in a shell")]},
            True,
        ),
        (
            {
                "prompt": "So?",
                "history": [
                    user("How do I read a variable of the environment in a shell?"),
                    assistant("With $NAME."),
                    user("And in Python"),
                ],
            },
            True,
        ),
        ({"prompt": "And in Java?", "history": SHORT["history"]}, False),
    ],
)
def test_a_short_question_counts_only_after_the_turn_before_it(row: dict[str, Any], leaks: bool) -> None:
    assert [each.match for each in found(examples(SHORT), row)] == ["exact"] * leaks


def test_a_short_turn_must_be_the_whole_turn() -> None:
    evals = examples({"question": "And why?", "history": [user("It stopped.")]})
    assert found(evals, {"prompt": "And why?", "text": "Because it stopped.", "history": [user("Did it stop?")]}) == []
    assert len(found(evals, {"prompt": "And why?", "history": [user("it stopped")]})) == 1


def test_a_long_question_that_leans_needs_its_turn_inside_other_texts_too() -> None:
    question = "Does it retry the tasks after the worker was restarted by the system administrator on Monday?"
    evals = examples({"question": question, "history": [user("The nightly import failed again.")]})
    assert found(evals, {"prompt": "Hm", "text": f"They ask: {question}"}) == []
    (match,) = found(evals, {"prompt": "Hm", "text": f"The nightly import failed again. They ask: {question}"})
    assert match.match == "exact"


def test_a_question_that_leans_hides_no_other_text_with_the_same_run() -> None:
    run = "it sends a message to the team that owns the flow after each failure"
    evals = examples(
        {"question": f"And does it mean that {run}?", "history": [user("The import failed.")]},
        {"question": "What happens?", "expected_answer": f"First of all {run} of the night."},
    )
    assert kinds(evals, {"text": f"We know that {run}."}) == [("r0", "ngram", "v1")]


def test_a_text_of_thirteen_words_is_compared_by_its_one_run() -> None:
    question = "Which port does the API of the server use by default on Windows?"
    assert len(question.split()) == 13
    evals = examples({"question": question})
    assert found(evals, {"prompt": question.replace("Windows", "Linux")}) == []
    assert len(found(evals, {"prompt": f"So, {question}"})) == 1


def test_a_question_that_stands_alone_counts_whatever_was_said_before() -> None:
    evals = examples({"question": "Which settings decide how often a deployment runs?", "history": [user("Hello.")]})
    assert len(found(evals, {"prompt": "which settings decide how often a deployment runs"})) == 1


def test_the_eval_side_itself_is_contaminated_even_without_examples() -> None:
    (match,) = found(examples(), {"split": "eval", **CLEAN}, {"split": "train", **CLEAN}, CLEAN)
    assert (match.evidence_id, match.match, match.eval_id, match.similarity) == ("r0", "split", "r0", 1.0)


def test_the_strongest_match_is_told_once() -> None:
    near = " ".join(ANSWER.split()[:14])
    evals = examples({"question": "a b c", "expected_answer": ANSWER}, {"question": QUESTION})
    assert kinds(evals, {"prompt": QUESTION, "text": near}) == [("r0", "exact", "v1")]
    assert kinds(evals, {"prompt": QUESTION, "text": near, "split": "eval"}) == [("r0", "split", "r0")]


def test_of_equal_matches_the_lowest_id_is_named() -> None:
    evals = examples(
        {"question": QUESTION, "eval_id": "c"}, {"question": QUESTION.upper(), "eval_id": "a"}, {"question": QUESTION}
    )
    assert kinds(evals, {"prompt": QUESTION}) == [("r0", "exact", "a")]


def test_the_example_of_which_more_is_held_is_named() -> None:
    end = f"{' '.join(ANSWER.split()[9:])} And then it sends a message to the team."
    evals = examples({"question": "a b c", "expected_answer": ANSWER}, {"question": "d", "expected_answer": end})
    (match,) = found(evals, {"text": f"So: {end}"})
    assert (match.eval_id, match.similarity) == ("v1", 1.0)
    (match,) = found(evals, {"text": " ".join(ANSWER.split()[4:])})
    assert match.eval_id == "v0"


def test_another_tenants_example_counts_but_is_not_quoted() -> None:
    (match,) = found(EVALS, {"prompt": QUESTION, "tenant_id": "dam"})
    assert (match.eval_id, match.matched) == ("v0", "another tenant's example")


def test_what_was_found_is_shortened() -> None:
    evals = examples({"question": "why " * 400})
    (match,) = found(evals, {"prompt": "why " * 400})
    assert len(match.matched) == 500
    assert match.matched.endswith("\u2026")


def test_near_match_needs_an_embedder_only_where_there_are_examples() -> None:
    config = DecontaminationConfig()
    with pytest.raises(BadInputError, match="near_match"):
        Decontaminator(EVALS, config, None, None)
    assert Decontaminator(examples(), config, None, None).part(records(CLEAN)).num_rows == 0


def test_records_and_examples_without_words_match_nothing() -> None:
    evals = examples({"question": "???", "expected_answer": "!"}, {"question": "\U0001f642", "history": [user("?")]})
    rows = [{"prompt": "???", "text": "!"}, {"prompt": ""}, {"prompt": None, "text": ""}, {"prompt": "\U0001f642"}]
    near = Decontaminator(evals, DecontaminationConfig(), HashedWords(), None)
    assert near.part(records(*rows)).num_rows == found(evals, *rows).__len__() == 0


def test_near_matches_come_last_and_hold_their_cosine() -> None:
    evals = examples({"question": "How can I set the retries of a nightly flow"})
    prompt = "How can I set the retries of a nightly flow please"
    config = DecontaminationConfig(ngram_share=1.0, ngram_words=13)
    both = Decontaminator(evals, config, HashedWords(), None).part(records({"prompt": prompt}, CLEAN))
    assert both.column("match").to_pylist() == ["exact"]
    prompt = "How can please I set the retries of a nightly flow"
    rows = rows_of(
        Contamination, Decontaminator(evals, config, HashedWords(), None).part(records(CLEAN, {"prompt": prompt}))
    )
    vectors = HashedWords().embed([prompt, "How can I set the retries of a nightly flow"])
    assert [(each.evidence_id, each.match) for each in rows] == [("r1", "embedding")]
    assert rows[0].similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-6)


def test_a_whole_text_without_a_prompt_may_be_a_short_question() -> None:
    evals = examples({"question": "Why not?"})
    assert kinds(evals, {"text": "why not"}, {"prompt": "Is it?", "text": "why not"}) == [("r0", "exact", "v0")]


def test_a_prompt_is_compared_after_the_turns_it_leans_on_and_in_every_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decontamination, "_ROWS_AT_ONCE", 2)
    evals = examples({"question": "How do I set, and in Docker, the retries?"})
    leaning = {"prompt": "And in Docker?", "history": [user("How do I set the retries?"), assistant("So.")]}
    rows = [CLEAN, {"prompt": "And in Docker?"}, CLEAN, leaning, CLEAN]
    part = Decontaminator(evals, DecontaminationConfig(), HashedWords(), None).part(records(*rows))
    assert part.select(["evidence_id", "match"]).to_pylist() == [{"evidence_id": "r3", "match": "embedding"}]


SOME = "how do set retries for a flow the api port use which worker"
WORDS = st.sampled_from(sorted(SOME.split()))
PHRASES = st.lists(WORDS, max_size=24).map(" ".join) | st.sampled_from([QUESTION, ANSWER, ""])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(PHRASES, PHRASES, st.none() | PHRASES), max_size=5),
    st.lists(st.tuples(st.none() | PHRASES, PHRASES, st.lists(PHRASES, max_size=2)), min_size=1, max_size=6),
)
def test_a_records_match_does_not_hang_on_the_others_nor_on_how_they_are_cut(
    evals: Sequence[tuple[str, str, str | None]], rows: Sequence[tuple[str | None, str, list[str]]]
) -> None:
    table = examples(
        *({"question": q, "expected_answer": a, "history": [] if h is None else [user(h)]} for q, a, h in evals)
    )
    evidence = records(*({"prompt": p, "text": t, "history": [user(each) for each in h]} for p, t, h in rows))
    decontaminator = Decontaminator(table, DecontaminationConfig(cosine=0.8), HashedWords(), None)
    whole = decontaminator.part(evidence)
    rows_of(Contamination, whole)
    alone = [decontaminator.part(evidence.slice(number, 1)) for number in range(len(rows))]
    assert pa.concat_tables(alone).to_pylist() == whole.to_pylist()
    before, decontamination._ROWS_AT_ONCE = decontamination._ROWS_AT_ONCE, 2
    try:
        assert decontaminator.part(evidence).to_pylist() == whole.to_pylist()
    finally:
        decontamination._ROWS_AT_ONCE = before


@settings(max_examples=30, deadline=None)
@given(st.lists(PHRASES.filter(bool), min_size=1, max_size=4), PHRASES, PHRASES)
def test_a_planted_question_is_always_found(questions: list[str], before: str, after: str) -> None:
    evals = examples(*({"question": each} for each in questions))
    rows = [{"prompt": each} for each in questions]
    assert [each.match for each in found(evals, *rows)] == ["exact"] * len(rows)
    long = [each for each in questions if len(set(each.split())) > 9]
    rows = [{"prompt": "Tell", "text": f"{before} {each}. {after}"} for each in long]
    assert {each.match for each in found(evals, *rows)} <= {"exact"}
    assert len(found(evals, *rows)) == len(rows)


def test_runs_are_found_as_a_plain_search_finds_them() -> None:
    generator = np.random.default_rng(5)
    vocabulary = np.array([f"w{number}" for number in range(40)])
    answers = [" ".join(generator.choice(vocabulary, 30)) for _ in range(40)]
    evals = examples(*({"question": f"q{number}", "expected_answer": each} for number, each in enumerate(answers)))
    texts = []
    for _ in range(200):
        words, n = answers[generator.integers(40)].split(), int(generator.integers(10, 17))
        start = generator.integers(30 - n)
        texts.append(
            " ".join([*generator.choice(vocabulary, 9), *words[start : start + n], *generator.choice(vocabulary, 9)])
        )
    runs = {tuple(words[k : k + 26]) for words in (spelt(each) for each in answers) for k in range(0, 35, 2)}
    expected = [
        any(tuple(words[k : k + 26]) in runs for k in range(0, len(words) - 25, 2)) for words in map(spelt, texts)
    ]
    got = {
        each.evidence_id
        for each in found(
            evals, *({"text": each} for each in texts), config=BY_WORDS.model_copy(update={"ngram_words": 26})
        )
    }
    assert 20 < sum(expected) < 180
    assert got == {f"r{number}" for number, leaks in enumerate(expected) if leaks}


def spelt(text: str) -> list[str]:
    """Words as they are compared: "w12" is two."""
    return [piece for word in text.split() for piece in ("w", word[1:])]
