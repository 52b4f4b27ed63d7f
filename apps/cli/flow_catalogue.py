"""The flows, how to load one, and its settings: defaults, then a YAML file, then ``--set``."""

import importlib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from millrace.errors import BadInputError, NotFoundError
from millrace.records.yaml_file import parse_yaml, read_yaml

MODULES = {
    "import-traces": "flows.import_traces",
    "import-feedback": "flows.import_feedback",
    "ingest-documents": "flows.ingest_documents",
    "answer-questions": "flows.answer_questions",
    "weekly-flywheel": "flows.weekly_flywheel",
    "daily-eval": "flows.daily_eval",
    "distill": "flows.distill",
    "acceptance": "flows.acceptance",
    "audit": "flows.audit",
    "replay": "flows.replay",
    "release-freeze": "flows.release_freeze",
    "erase-user": "flows.erase_user",
    "enforce-retention": "flows.enforce_retention",
}


_MOST_SHOWN = 20  # complaints about one file
_LONGEST_SHOWN = 300  # characters of a value


@dataclass(frozen=True)
class LoadedFlow:
    """A Prefect flow and the model of its settings."""

    name: str
    function: Any
    config_model: type[BaseModel]


def load_flow(name: str) -> LoadedFlow:
    """The flow of that name; imports Prefect.

    Raises:
        NotFoundError: no such flow.
    """
    if name not in MODULES:
        raise NotFoundError(f"no flow {name!r}; there are {', '.join(sorted(MODULES))}", flow=name)
    function = getattr(importlib.import_module(MODULES[name]), name.replace("-", "_"))
    return LoadedFlow(name, function, typing.get_type_hints(function.fn)["config"])


def read_config(flow: LoadedFlow, file: Path | None = None, overrides: Sequence[str] = ()) -> BaseModel:
    """A flow's settings, validated.

    Args:
        file: YAML; None means ``configs/<flow>.yaml`` where that exists.
        overrides: ``key=value`` with a dotted key and a YAML value; each replaces what the file says.

    Raises:
        BadInputError: everything that is wrong, one line a field, with its value and what is allowed.
    """
    settings = _read(file) if file is not None else bundled_settings(flow.name)
    for override in overrides:
        _set(settings, override)
    return validated(flow, settings)


def bundled_settings(name: str) -> dict[str, Any]:
    """What ``configs/<flow>.yaml`` says; empty without that file."""
    path = Path(str(files("configs"))) / f"{name.replace('-', '_')}.yaml"
    return _read(path) if path.is_file() else {}


def validated(flow: LoadedFlow, settings: Mapping[str, object]) -> BaseModel:
    """The settings as the flow's own model.

    Raises:
        BadInputError: see :func:`read_config`.
    """
    try:
        return flow.config_model.model_validate(settings)
    except ValidationError as error:
        complaints = error.errors(include_url=False)
        problems = [_problem(flow.config_model, dict(each)) for each in complaints[:_MOST_SHOWN]]
        problems += [f"and {len(complaints) - _MOST_SHOWN} more"] if len(complaints) > _MOST_SHOWN else []
        raise BadInputError(
            f"settings of {flow.name} are wrong:\n" + "\n".join(f"  {each}" for each in problems), problems=problems
        ) from error


def _read(path: Path) -> dict[str, Any]:
    settings = read_yaml(path)
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise BadInputError(f"settings file {path} holds no key: value pairs", file=str(path))
    return settings


def _set(settings: dict[str, Any], override: str) -> None:
    key, found, text = override.partition("=")
    if not found or not key:
        raise BadInputError(f"--set {_shown(override)} is not of the form key=value")
    value = parse_yaml(text, f"--set {_shown(key)}")
    *outer, last = key.split(".")
    for name in outer:
        inner = settings.get(name)
        settings[name] = dict(inner) if isinstance(inner, dict) else {}
        settings = settings[name]
    settings[last] = value


def _problem(model: type[BaseModel], error: dict[str, Any]) -> str:
    field = _cut(".".join(map(str, error["loc"]))) or "settings"
    if error["type"] == "extra_forbidden":
        return f"{field}: no such setting{_known(model, error['loc'])}"
    if error["type"] == "missing":
        return f"{field}: required, and not given"
    return f"{field}: {_shown(error['input'])} is not allowed: {_cut(error['msg'])}"


def _shown(value: object) -> str:
    try:
        return _cut(repr(value))
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of too many digits"


def _cut(text: str) -> str:
    whole = text.encode(errors="backslashreplace").decode()
    return whole if len(whole) <= _LONGEST_SHOWN else f"{whole[:_LONGEST_SHOWN]}..."


def _known(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """The settings that there are at the top; deeper down the message alone must do."""
    return f"; there are {', '.join(model.model_fields)}" if len(location) == 1 else ""
