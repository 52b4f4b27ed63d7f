"""Settings of the exports and of the comparison with what the application is evaluated on."""

from typing import Annotated

from pydantic import Field

from millrace.records.base import Record

Share = Annotated[float, Field(ge=0, le=1)]


class RagConfig(Record):
    """What becomes knowledge to retrieve; rejected records never do."""

    include_partial: bool = Field(True, description="Partially accepted records too")
    include_review: bool = Field(False, description="Records that wait for a person's review too")


class SftConfig(Record):
    """What becomes conversations to learn from; rejected and unreviewed records never do."""

    include_partial: bool = Field(False, description="Partially accepted records too")
    contexts_in_prompt: bool = Field(True, description="Put the passages that were shown into a system message")
    instructions: str = Field(
        "Answer from the passages below. Say so when they do not hold the answer.",
        min_length=1,
        description="Begins the system message of a record with passages",
    )


class PreferenceConfig(Record):
    """Which answers to one task become a pair."""

    max_pairs_per_task: int = Field(5, ge=1, le=5)
    partial_fallback: bool = Field(True, description="Prefer accepted to partially accepted where nothing is rejected")
    across_streams: bool = Field(True, description="Pair records of two streams about one subject, where no task does")


class DecontaminationConfig(Record):
    """From when a record counts as an eval example. Questions, answers and their turns are compared as words."""

    ngram_words: int = Field(13, ge=5, le=50, description="Words in a row that nobody writes twice by chance")
    ngram_share: Share = Field(
        0.8, gt=0, description="Share of a shorter eval text's word 5-grams that a record must hold to count"
    )
    near_match: bool = Field(True, description="Compare meanings by embedding too")
    cosine: float = Field(0.9, gt=0, le=0.999, description="Prompts this near to an eval question count as it")
    candidate_cosine: float = Field(
        0.55,
        ge=0,
        le=0.999,
        description="Prompts whose words alone are less near to every eval question are not embedded; chosen for a "
        "cosine of 0.9, lower it with that",
    )


class ExportConfig(Record):
    """The three exports."""

    rag: RagConfig = RagConfig()
    sft: SftConfig = SftConfig()
    preference: PreferenceConfig = PreferenceConfig()
