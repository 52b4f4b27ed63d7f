"""The CACM collection: 3 204 abstracts, 64 queries, 52 of them judged."""

import html
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHARED = Path(__file__).parents[2] / "shared" / "data" / "cacm"
_NO_TEXT = re.compile(r"\d+\s+\d+\s+\d+\s*|CA\d{6}\b.*")  # citation triples, and the stamp of who typed it in
_TOPIC = re.compile(r"<DOCNO>\s*(\d+)\s*</DOCNO>(.*?)</DOC>", re.DOTALL)


class Collection(NamedTuple):
    """Documents and queries by id, and the ids of what is relevant to each judged query."""

    documents: dict[str, str]
    queries: dict[str, str]
    relevant: dict[str, set[str]]

    @property
    def judged(self) -> list[str]:
        """Ids of the queries that have judgements, in number order."""
        return sorted(self.relevant, key=int)


def read_collection(folder: Path = SHARED) -> Collection:
    """The collection as distributed with Anserini.

    Raises:
        FileNotFoundError: it does not lie beside the checkout.
    """
    topics = (folder / "topics.cacm.txt").read_text(encoding="utf-8")
    queries = {number: " ".join(html.unescape(text).split()) for number, text in _TOPIC.findall(topics)}
    relevant: dict[str, set[str]] = {}
    for query, _, document, grade in _columns(folder / "qrels.cacm.txt"):
        if int(grade) > 0:
            relevant.setdefault(query, set()).add(document)
    return Collection(dict(sorted(_documents(folder / "cacm.tar.gz"))), queries, relevant)


def read_run(path: Path) -> dict[str, list[str]]:
    """The ranking of each query in a file of TREC's run format."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for query, _, document, rank, *_ in _columns(path):
        ranked.setdefault(query, []).append((int(rank), document))
    return {query: [document for _, document in sorted(found)] for query, found in ranked.items()}


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".html"):
                stream = archive.extractfile(member)
                assert stream is not None
                yield Path(member.name).stem, _text(stream.read().decode("utf-8", errors="replace"))


def _text(page: str) -> str:
    body = html.unescape(re.sub(r"<[^>]*>", "", page))
    lines = [line.strip() for line in body.splitlines()]
    return "\n".join(line for line in lines if not _NO_TEXT.fullmatch(line)).strip()


def _columns(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield line.split()
