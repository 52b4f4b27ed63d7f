"""The flows, how to load one, and its settings: defaults, then a YAML file, then ``--set``."""

import importlib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from millrace.errors import BadInputError, NotFoundError

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
}


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
        problems = [_problem(flow.config_model, dict(each)) for each in error.errors(include_url=False)]
        raise BadInputError(
            f"settings of {flow.name} are wrong:\n" + "\n".join(f"  {each}" for each in problems), problems=problems
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputError(f"settings file {path} cannot be read as YAML: {error}", file=str(path)) from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise BadInputError(f"settings file {path} holds no key: value pairs", file=str(path))
    return settings


def _set(settings: dict[str, Any], override: str) -> None:
    key, found, text = override.partition("=")
    if not found or not key:
        raise BadInputError(f"--set {override!r} is not of the form key=value", override=override)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInputError(f"--set {key}: {text!r} is no YAML value: {error}", override=override) from error
    *outer, last = key.split(".")
    for name in outer:
        inner = settings.get(name)
        settings[name] = dict(inner) if isinstance(inner, dict) else {}
        settings = settings[name]
    settings[last] = value


def _problem(model: type[BaseModel], error: dict[str, Any]) -> str:
    field = ".".join(map(str, error["loc"])) or "settings"
    if error["type"] == "extra_forbidden":
        return f"{field}: no such setting{_known(model, error['loc'])}"
    if error["type"] == "missing":
        return f"{field}: required, and not given"
    return f"{field}: {error['input']!r} is not allowed: {error['msg']}"


def _known(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """The settings that there are at the top; deeper down the message alone must do."""
    return f"; there are {', '.join(model.model_fields)}" if len(location) == 1 else ""
