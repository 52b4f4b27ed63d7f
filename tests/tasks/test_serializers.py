"""Results that Prefect kept: what wants to be read as anything but plain JSON is not read, and computed again."""

import ast
import base64
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from prefect.serializers import JSONSerializer, Serializer
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

import tasks.stage  # noqa: F401  reading it is what puts the guard up
from millrace.errors import BadInputError
from tasks.stage import stage
from tests.tasks.turns import Turn

calls: list[int] = []


class Marking:
    """Unpickling it writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return Path.write_text, (self.marker, "was run")  # type: ignore[return-value]


@stage
def double(number: int) -> int:
    """A stage whose result is kept."""
    calls.append(number)
    return 2 * number


def running(marker: Path) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Ways to be read that run something, each as the file's serializer and its content."""
    keys = json.dumps({"touch": 0, str(marker): 1}).encode()  # as a list they are a command
    pickled = base64.encodebytes(cloudpickle.dumps(Marking(marker)))
    return {
        "pickle": ({"type": "pickle"}, pickled),
        "compressed": (
            {"type": "compressed", "serializer": {"type": "pickle"}},
            base64.encodebytes(lzma.compress(pickled)),
        ),
        "compressed pickle": ({"type": "compressed/pickle"}, base64.encodebytes(lzma.compress(pickled))),
        "a function of its choice": ({"type": "json", "object_decoder": "subprocess.check_call"}, keys),
        "arguments of its choice": ({"type": "json", "loads_kwargs": {"parse_int": "x"}}, b"{}"),
    }


@pytest.mark.parametrize("way", list(running(Path())))
def test_a_serializer_that_could_run_something_is_refused(way: str, tmp_path: Path) -> None:
    serializer, content = running(tmp_path / "marker")[way]
    with pytest.raises(BadInputError, match="plain JSON only"):
        Serializer(**serializer).loads(content)
    assert not (tmp_path / "marker").exists()


def test_plain_json_is_read_as_ever() -> None:
    assert JSONSerializer().loads(JSONSerializer().dumps({"a": [1, None]})) == {"a": [1, None]}


@pytest.mark.prefect
def test_a_planted_result_is_no_result(prefect: Turn, tmp_path: Path) -> None:
    """The file that holds a stage's result is replaced; the next run computes it again, and puts a good one there."""
    calls.clear()
    marker = tmp_path / "marker"
    number = 21
    kept = Path(str(PREFECT_LOCAL_STORAGE_PATH.value()))
    before = set(kept.iterdir()) if kept.is_dir() else set()
    assert prefect(lambda: double(number), "first") == 2 * number
    assert prefect(lambda: double(number), "second") == 2 * number
    assert calls == [number]

    planted = 0
    for path in set(kept.iterdir()) - before:
        record = json.loads(path.read_bytes())
        serializer, content = running(marker)["pickle"]
        record["metadata"]["serializer"] = serializer
        path.write_text(json.dumps(record | {"result": content.decode()}))
        planted += 1
    assert planted
    assert prefect(lambda: double(number), "third") == 2 * number
    assert calls == [number, number]
    assert not marker.exists()
    assert prefect(lambda: double(number), "fourth") == 2 * number
    assert calls == [number, number]


ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for folder in ("apps", "blocks", "flows", "millrace", "tasks") for path in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib", "jsonpickle"}
CALLS = {"torch.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "np.load", "numpy.load", "eval", "exec"}
SAFE = {  # each with what makes it so
    ("millrace/distillation/stream_mapping.py", "yaml.load"): "Loader=_Loader",
    ("millrace/adapters/minilm_words.py", "np.load"): "allow_pickle=False",
}


def test_no_module_reads_a_form_that_can_run_something() -> None:
    found = [(str(path.relative_to(ROOT)), unsafe) for path in SOURCES for unsafe in unsafe_in(path)]
    assert found == []
    assert len(SOURCES) > 300


def unsafe_in(path: Path) -> Iterator[str]:
    """Imports of modules that read such forms, and calls of functions that do."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from {name.partition(".")[0] for name in names} & MODULES
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in CALLS:
            safe = SAFE.get((str(path.relative_to(ROOT)), called))
            if safe is None or safe not in ast.unparse(node):
                yield called


def test_a_pickle_in_the_place_of_an_array_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from millrace.adapters import minilm_words

    marker = tmp_path / "marker"
    np.save(tmp_path / "map.npy", np.array([Marking(marker)], dtype=object), allow_pickle=True)
    monkeypatch.setattr(minilm_words, "MAP_FILE", tmp_path / "map.npy")
    with pytest.raises(ValueError, match="allow_pickle=False"):
        minilm_words._shipped_map()
    assert not marker.exists()
