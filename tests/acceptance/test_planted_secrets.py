"""Personal data and secrets, planted wherever texts come in, are in no byte that is written anywhere."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.acceptance.processes import User
from tests.docs import readme
from tests.support.gateway import Asked, Play, PlayedGateway
from tests.support.inputs import write_lines

pytestmark = pytest.mark.prefect

KEY = "sk-planted-gateway-key-4f1c9a77d2e04b55"
PLANTED = {
    "document": "FR1420041010050500013M02606",
    "question": "ana.quern@planted-mail.org",
    "history": "5500 0055 5555 5559",
    "user": "berta.hopper@planted-mail.org",
    "answer": "carla.spindle@planted-mail.org",
    "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
}
MARKERS = {"document": "quernstone", "question": "millpond", "history": "tailrace", "answer": "headgate"}


def reply(asked: Asked) -> Play:
    """Whatever form is asked for, with an address in the answer."""
    fields = asked.body["response_format"]["json_schema"]["schema"]["properties"]
    if "phrasings" in fields:
        return Play(json.dumps({"phrasings": [f"What of the {MARKERS['question']}, {PLANTED['token']}?"]}))
    if "question" in fields:
        return Play(json.dumps({"question": asked.question[:200]}))
    answer = f"The {MARKERS['answer']} is kept by {PLANTED['answer']}."
    return Play(json.dumps({"answer": answer, "found": True, "citations": [{"passage": 1, "quote": "The quernstone"}]}))


def filled_in(script: str, values: Mapping[str, object]) -> str:
    """The script with values for its words in capitals."""
    return re.sub(rf"(?<![A-Z_])(?:{'|'.join(values)})(?![A-Z_])", lambda found: str(values[found[0]]), script)


def everything_under(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file; of compressed ones what they hold."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            yield path, json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        elif path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def test_nothing_planted_is_found_afterwards(user: User) -> None:
    documents = user.folder.parent / "documents"
    documents.mkdir()
    (documents / "mill.md").write_text(
        f"# The mill\n\nThe {MARKERS['document']} was paid from {PLANTED['document']}. It turns slowly in winter.\n"
    )
    question = {
        "question_id": "q1",
        "tenant_id": "default",
        "user_id": PLANTED["user"],
        "time": "2026-11-10T12:00:00Z",
        "question": f"How does the quernstone at the {MARKERS['question']} turn? I am {PLANTED['question']}",
        "history": [{"speaker": "user", "text": f"The {MARKERS['history']} is on my card {PLANTED['history']}."}],
    }
    questions = write_lines(user.folder.parent / "questions.jsonl", [question])

    with PlayedGateway(reply) as gateway:
        given = {
            "FOLDER": documents,
            "QUESTION": question["question"],
            "URL": gateway.url,
            "MODEL": "planted",
            "KEY": KEY,
            "FILE": questions,
        }
        done = user.call("bash", "-e", "-c", filled_in(readme.block("documents"), given), timeout_s=240)
        sent = json.dumps(gateway.questions())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cited sentence" in done.stdout

    output = (done.stdout + done.stderr).encode()
    places = [*everything_under(user.folder), (Path("output"), output), (Path("requests"), sent.encode())]
    for name, marker in MARKERS.items():
        assert any(marker.encode() in content for _, content in places), f"the {name} is nowhere: nothing was proven"
    secrets = [KEY, *PLANTED.values()]
    found = [(secret, str(path)) for path, content in places for secret in secrets if secret.encode() in content]
    assert found == []
