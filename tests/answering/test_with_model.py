"""The shipped thresholds with the true model: what the guide answers is answered, what it does not hold is not."""

from pathlib import Path

import pytest

from millrace.adapters.minilm import MiniLmEmbedder
from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.answering.traces import answer_part
from millrace.datasets.schema import rows_of, table_of
from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.ingestion.markdown import make_document
from millrace.records.answer import Question
from millrace.records.trace import Trace, utc
from tests.support.answering import answerer_over

PAGE = """# Receipts

A receipt is written for every stage of a run. Receipts lie in the folder of the run.

## Retention

Old datasets are removed by the garbage collector, which never touches a golden dataset.
"""
ASKED = {
    "Where do receipts lie?": "Receipts lie in the folder of the run.",
    "What removes old datasets?": "Old datasets are removed by the garbage collector",
    "Which vitamins are in an orange?": None,
    "Who won the football world cup in 1998?": None,
}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    embedder = MiniLmEmbedder.load()
    page = make_document(PAGE, source="receipts.md", tenant_id="acme", user_id="ops")
    chunks, _ = chunk_documents([page], ChunkingConfig())
    snapshot = snapshot_name(chunks, embedder.identity)
    store = QdrantEdgeStore(Path(tmp_path_factory.mktemp("index")))
    vectors = embedder.embed([chunk.searchable() for chunk in chunks])
    store.build(snapshot, index_points(chunks, vectors), dimension=embedder.dimension)
    index = store.open(snapshot)
    questions = [
        Question(question_id=text, tenant_id="acme", time=utc(2026, 1, 1), question=text) for text in sorted(ASKED)
    ]
    table = answer_part(table_of(Question, questions), answerer_over(index, embedder))
    index.close()
    return {trace.question: trace for trace in rows_of(Trace, table)}


@pytest.mark.parametrize("question", sorted(ASKED))
def test_the_answer_is_the_pages_sentence_or_the_abstention(traces: dict[str, Trace], question: str) -> None:
    expected = ASKED[question]
    trace = traces[question]
    assert trace.status == ("abstained" if expected is None else "answered")
    if expected is not None:
        assert expected in (trace.answer or "")
