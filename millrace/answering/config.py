"""Settings of retrieval and of the extractive answerer."""

from pydantic import BaseModel, ConfigDict, Field


class AnsweringConfig(BaseModel):
    """How many passages are read and when a sentence is good enough to be an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_contexts: int = Field(5, ge=1, le=50, description="Passages retrieved for a question")
    n_sentences: int = Field(3, ge=1, le=10, description="Most sentences in an answer")
    similarity_weight: float = Field(
        0.7, ge=0, le=1, description="Weight of embedding similarity; the rest is the share of the question's words"
    )
    min_retrieval_score: float = Field(
        0.15, ge=-1, le=1, description="With no passage of at least this cosine, nothing was found"
    )
    min_sentence_score: float = Field(
        0.35, ge=-1, le=1, description="With no sentence of at least this score, nothing was found"
    )
    relative_score: float = Field(
        0.9, ge=0, le=1, description="A further sentence needs this share of the best sentence's score"
    )
