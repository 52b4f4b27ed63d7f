"""Tables, mappings and settings: files of YAML, and what is written on the command line."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from apps.cli.flow_catalogue import MODULES, LoadedFlow, load_flow, read_config
from millrace.adapters.prices import PriceList
from millrace.ingestion.mapping import load_mapping
from millrace.ingestion.readers import RawRow
from millrace.ingestion.trace_import import ImportSettings, map_rows
from millrace.records.trace import SkipRow, Trace, utc
from tasks import tables
from tasks.acceptance import read_fixture
from tasks.release_contents import card_licence
from tasks.sources import source_ref
from tasks.training_data import known_files_of
from tests.hostile.cases import JSON_WORDS, YAML_WORDS, Reader, bundled, one_file, redactor, storable, the_file
from tests.hostile.mutation import Files

YAML_MODULES = ("millrace.records.yaml_file",)
NOT_TABLES = {"playbook_names", "table_path"}


def readers() -> list[Reader]:
    """One for each function of ``tasks.tables``, for each flow's settings, and for the other files of YAML."""
    return [
        *(_table_reader(name, read) for name, read in table_functions().items()),
        Reader(
            "mapping",
            _read_mapping,
            lambda: one_file("in.yaml", *bundled("configs/mappings/*.yaml")),
            YAML_WORDS,
            (*YAML_MODULES, "millrace.methods.field_paths"),
        ),
        Reader(
            "prices",
            _read_prices,
            lambda: one_file("in.yaml", *bundled("configs/prices.yaml")),
            YAML_WORDS,
            YAML_MODULES,
            share=0.5,
        ),
        Reader(
            "fixture",
            _read_fixture,
            lambda: one_file("fixture.yaml", *bundled("configs/acceptance/fixture.yaml")),
            YAML_WORDS,
            YAML_MODULES,
            share=0.5,
        ),
        *(_settings_reader(flow) for flow in MODULES),
        Reader("settings:--set", _read_overrides, _overrides, YAML_WORDS, YAML_MODULES),
        Reader(
            "dataset-card",
            _read_card,
            lambda: one_file("README.md", *_CARDS),
            YAML_WORDS,
            YAML_MODULES,
            share=0.5,
        ),
        Reader(
            "known-files",
            _read_known,
            lambda: one_file("in.txt", *bundled("configs/acceptance/known_files.txt")),
            JSON_WORDS,
            (),
            share=0.3,
        ),
    ]


def table_functions() -> dict[str, Callable[..., object]]:
    """What ``tasks.tables`` opens, by name."""
    found = inspect.getmembers(tables, inspect.isfunction)
    return {
        name: function
        for name, function in found
        if function.__module__ == tables.__name__ and not name.startswith("_") and name not in NOT_TABLES
    }


def _table_reader(name: str, read: Callable[..., object]) -> Reader:
    default = inspect.signature(read).parameters["name"].default
    pattern = "configs/streams/*.yaml" if default is inspect.Parameter.empty else f"configs/{default}.yaml"
    return Reader(
        f"table:{name}",
        lambda folder, _scratch: read(str(the_file(folder))),
        lambda: one_file("in.yaml", *bundled(pattern)),
        YAML_WORDS,
        YAML_MODULES,
    )


def _settings_reader(flow: str) -> Reader:
    return Reader(
        f"settings:{flow}", partial(_read_settings, flow), partial(_settings, flow), YAML_WORDS, YAML_MODULES, share=0.5
    )


@cache
def _flow(name: str) -> LoadedFlow:
    return load_flow(name)


def _settings(flow: str) -> list[Files]:
    loaded = _flow(flow)  # imported before a child is forked
    fields = loaded.config_model.model_fields.items()
    required = "".join(f"{name}: {_example(str(field.annotation))}\n" for name, field in fields if field.is_required())
    plain = b"as_of: 2026-11-16T06:00:00Z\nworkers: 2\n" + _GIVEN.get(flow, required.encode())
    spelled = "".join(f"{name}: {_example(str(field.annotation))}\n" for name, field in fields)
    return one_file("in.yaml", plain, spelled.encode(), *bundled(f"configs/{flow.replace('-', '_')}.yaml"))


def _example(annotation: str) -> str:
    known = {"list": "[x, y]", "dict": "{x: y}", "bool": "true", "int": "1", "datetime": "2026-11-09T08:00:00Z"}
    return next(
        (value for word, value in known.items() if word in annotation), "{a: 1}" if "Config" in annotation else "x"
    )


_GIVEN = {
    "import-traces": b"file: traces.jsonl\nmapping: millrace\n",
    "import-feedback": b"file: feedback.jsonl\nfields: {trace_id: trace.id}\n",
    "ingest-documents": b"folder: docs\nmetadata: {team: a}\n",
    "answer-questions": b"file: questions.jsonl\n",
    "replay": b"file: tasks.jsonl\n",
    "release-freeze": b"version: 1.2.0\n",
    "distill": b"streams: [traces]\nfiles:\n  - {file: a.jsonl, mapping: evidence}\n",
}


def _read_settings(flow: str, folder: Path, _scratch: Path) -> None:
    read_config(_flow(flow), the_file(folder))


def _overrides() -> list[Files]:
    _flow("weekly-flywheel")
    return one_file(
        "in.txt", b"tenants=[mill, dam]", b"week=2026-W46", b"proposal.budget_minutes=30", b"seed=7", b"a.b.c={d: 1}"
    )


def _read_overrides(folder: Path, _scratch: Path) -> None:
    path = the_file(folder)
    content = path.read_bytes() if path.is_file() else b""
    text = content[:131_072].decode(errors="surrogateescape")  # as the shell hands it on
    read_config(_flow("weekly-flywheel"), None, [text.replace("\0", "")])


def _read_mapping(folder: Path, _scratch: Path) -> None:
    """A mapping that is taken is tried on rows, some without what it wants."""
    mapping = load_mapping(the_file(folder))
    settings = ImportSettings(mapping, redactor(), utc(2026, 11, 9), "mill")
    rows = [RawRow(line, row) for line, row in enumerate(_ROWS, start=1)]
    if mapping.form is None:
        imported = map_rows(rows, settings, source="in.jsonl", seen=set())
        storable(Trace, imported.traces)
        storable(SkipRow, imported.skips)


_ROWS = (
    b'{"trace_id": "t", "question": "q", "contexts": [{}], "conversation": [{"speaker": "user", "text": "x"}]}',
    b'{"task_id": "t", "model": "m", "conversation": [{"speaker": "agent"}, {"speaker": "user", "text": "x"}]}',
    b'{"contexts": {"a": 1}, "conversation": 3, "human": [[1]]}',
)


def _read_prices(folder: Path, _scratch: Path) -> None:
    PriceList.read(the_file(folder), utc(2026, 11, 9))


def _read_fixture(folder: Path, _scratch: Path) -> None:
    read_fixture(folder)


def _read_card(folder: Path, _scratch: Path) -> None:
    card_licence(the_file(folder))


def _read_known(folder: Path, _scratch: Path) -> None:
    known_files_of(source_ref(str(the_file(folder))))


_CARDS = (
    b"---\nlicense: mit\nsize_categories:\n- n<1K\n---\n# Card\n",
    b"---\nlicense: other\nlicense_name: own\n---\n",
)
