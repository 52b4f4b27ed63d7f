"""Where to look when answers fail in one way: what each failure type suggests."""

from collections.abc import Mapping

from millrace.records.triage import FailureType

LOOK_AT: Mapping[FailureType, str] = {
    "retrieval_failure": "what the search found: do the documents cover these questions at all? If they do, look at "
    "how they are cut into passages, at follow-up questions that are searched without their context, and at filters "
    "and the number of passages.",
    "hallucination": "what the answer adds to its passages: tell the model to answer from the passages alone and to "
    "say when they do not hold the answer, and check whether the passage that was needed was found and not cut off.",
    "irrelevant_answer": "what was asked for: follow-up questions that are read without the conversation, questions "
    "with several parts, and prompts that make the model answer something more general.",
    "safety_violation": "these answers one by one, today: how the request came through, and which check of the input "
    "or the output should have stopped it.",
    "format_violation": "the instruction on the form and its check: ask the model for structured output, check it "
    "before it is shown, and ask again when it breaks.",
    "system_error": "the errors that these traces name: a route or gateway that is not set up, time-outs, limits of "
    "the provider, input that is too long; the application's logs at their times say more.",
}
