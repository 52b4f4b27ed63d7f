"""What identifies a call, and that a call can be written down."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import AwareDatetime

from blocks.names import BlockName
from millrace.datasets.canonical import canonical_json
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.source import SourceRef
from tasks.calls import Signature, find_step, identity_of, refs_in, settings_hash
from tasks.effect import Effect
from tasks.stage import Stage

MODELS = {"fast": "model-1", "alias": "model-1", "other": "model-2"}


class Judge(BlockName):
    """A block whose identity is looked up by name."""

    def identity(self) -> str:
        return MODELS[self.name]


class Settings(Record):
    threshold: float = 0.5
    since: AwareDatetime | None = None


DEFAULTS = Settings()


class Mixed(Record):
    data: DatasetRef
    judge: Judge
    settings: Settings = DEFAULTS


def ref(digit: str, rows: int = 1) -> DatasetRef:
    return DatasetRef(kind="traces", content_hash=digit * 64, rows=rows)


def source(path: str, digit: str = "a", name: str = "file") -> SourceRef:
    return SourceRef(path=path, name=name, sha256=digit * 64)


def test_a_dataset_is_identified_by_kind_and_content() -> None:
    assert identity_of(ref("a")) == {"dataset": f"traces:{'a' * 64}"}
    assert identity_of(ref("a")) != identity_of(ref("b"))


def test_a_source_is_identified_by_name_and_content_wherever_it_lies() -> None:
    assert identity_of(source("/home/ann/file")) == identity_of(source("/mnt/file"))
    assert identity_of(source("/f", "a")) != identity_of(source("/f", "b"))
    assert "/home" not in canonical_json(identity_of(source("/home/ann/file"))).decode()


def test_a_block_is_identified_by_what_stands_behind_its_name() -> None:
    assert identity_of(Judge(name="fast")) == identity_of(Judge(name="alias"))
    assert identity_of(Judge(name="fast")) != identity_of(Judge(name="other"))
    assert "fast" not in canonical_json(identity_of(Judge(name="fast"))).decode()


def test_another_model_behind_the_same_name_is_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity_of([Mixed(data=ref("a"), judge=Judge(name="fast"))])
    monkeypatch.setitem(MODELS, "fast", "model-3")
    assert identity_of([Mixed(data=ref("a"), judge=Judge(name="fast"))]) != before


def test_settings_are_identified_by_their_json_form() -> None:
    since = datetime(2026, 11, 9, tzinfo=UTC)
    assert identity_of(Settings(since=since)) == {"threshold": 0.5, "since": "2026-11-09T00:00:00Z"}
    assert identity_of(since) == "2026-11-09T00:00:00Z"


def test_what_stands_for_something_else_is_found_at_any_depth() -> None:
    value = {"list": [Mixed(data=ref("a"), judge=Judge(name="fast"))], "pair": (ref("b"), source("/x"))}
    assert identity_of(value) == {
        "list": [
            {
                "data": {"dataset": ref("a").name},
                "judge": {"block": "model-1"},
                "settings": {"threshold": 0.5, "since": None},
            }
        ],
        "pair": [{"dataset": ref("b").name}, {"source": "file", "sha256": "a" * 64}],
    }
    assert list(refs_in(value)) == [ref("a"), ref("b")]


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "text", [], {}])
def test_plain_values_stand_for_themselves(value: Any) -> None:
    assert identity_of(value) == value


def test_the_settings_hash_leaves_datasets_and_paths_out() -> None:
    given = {"traces": ref("a"), "source": source("/a"), "judge": Judge(name="fast"), "limit": 3}
    same = {"limit": 3, "judge": Judge(name="alias"), "source": source("/b"), "traces": ref("b")}
    assert settings_hash(given) == settings_hash(same)
    assert settings_hash(given) != settings_hash(given | {"limit": 4})
    assert settings_hash(given) != settings_hash(given | {"judge": Judge(name="other")})


def some_step(
    data: DatasetRef,
    judge: Judge,
    since: AwareDatetime | None,
    names: list[Identifier],
    settings: Settings = DEFAULTS,
) -> tuple[DatasetRef, float | None]:
    return data, settings.threshold


def test_a_call_is_bound_by_name_with_defaults() -> None:
    arguments = Signature(some_step).bind((ref("a"), Judge(name="fast")), {"names": ["x"], "since": None})
    assert list(arguments) == ["data", "judge", "since", "names", "settings"]
    assert arguments["settings"] == Settings()
    with pytest.raises(TypeError, match="missing a required argument: 'judge'"):
        Signature(some_step).bind((ref("a"),), {})


def test_arguments_and_results_come_back_from_json_with_their_types() -> None:
    signature = Signature(some_step)
    since = datetime(2026, 11, 9, tzinfo=UTC)
    given = signature.bind((ref("a"), Judge(name="fast"), since, ["x", "y"]), {})
    read = signature.from_json(json.loads(json.dumps(signature.to_json(given))))
    assert read == given
    assert type(read["judge"]) is Judge
    result = (ref("a"), None)
    assert signature.result_from_json(json.loads(json.dumps(signature.result_to_json(result)))) == result


def test_a_receipts_function_is_found_again() -> None:
    assert isinstance(find_step("tasks.triage:triage_traces"), Stage)
    assert isinstance(find_step("tasks.golden:publish_golden"), Effect)


@pytest.mark.parametrize("name", ["tasks.triage:gone", "tasks.gone:triage_traces"])
def test_a_function_that_is_gone_is_said(name: str) -> None:
    with pytest.raises(BadInputError, match=f"no step {name}"):
        find_step(name)
