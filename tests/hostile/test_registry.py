"""The registry is complete: every module that parses something is read by a row, or is exempt for a reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

from apps.cli.flow_catalogue import MODULES
from tests.hostile.cases import ROOT
from tests.hostile.registry import readers
from tests.hostile.settings_readers import table_functions

PACKAGES = ("millrace", "tasks", "blocks", "apps", "flows")
PARSING = {
    "safe_load",
    "get_single_node",
    "loads",
    "JSONDecoder",
    "model_validate_json",
    "validate_json",
    "read_json",
    "ParquetFile",
    "read_metadata",
    "read_table",
    "fromhex",
    "fromstring",
    "HTMLParser",
    "MarkdownIt",
    "PdfReader",
    "b64decode",
    "load_pem_public_key",
    "load_pem_private_key",
}
"""Functions and classes that make values of bytes or texts; whoever calls one answers for what it raises."""

EXEMPT: dict[str, str] = {
    "millrace.adapters.cross_encoder": "weights of which every byte is checked first",
    "millrace.adapters.gateway_output": "replies of a service; tests/adapters makes hostile ones",
    "millrace.adapters.rerank_api": "replies of a service; tests/adapters makes hostile ones",
    "millrace.distillation.audit": "judges two runs of its own; what cannot be read is a failed check",
    "millrace.distillation.invariants": "judges two runs of its own; what cannot be read is a failed check",
    "millrace.distillation.texts": "hashes that it made itself",
    "millrace.distillation.written_rows": "reads back what the same step wrote",
    "millrace.distillation.written_twice": "reads back what the same step wrote",
    "millrace.governance.audit_chain": "rows of the ledger; tests/governance changes every one",
    "millrace.governance.backup_damage": "only after a backup was read, to say where it is damaged",
    "millrace.methods.answer_form": "answers, each of which may be any text; tests/methods",
    "tasks.audit": "the output of a process of its own",
    "tasks.audit_anchors": "tests/tasks/test_audit_log.py changes it",
    "tasks.erasure_files": "what this home wrote, rewritten; tests/tasks",
    "tasks.erasure_index": "what this home wrote, rewritten; tests/tasks",
    "tasks.erasure_prefect": "Prefect's own database, rewritten; tests/tasks",
    "tasks.release_plan": "the project's own pyproject.toml",
    "tasks.retention": "what this home wrote; tests/tasks",
    "apps.cli.answer_key": "files that come with Millrace",
    "apps.cli.export_verification": "compared with the dataset they were written from; what cannot be read differs",
    "apps.cli.serving": "the project's own prefect.yaml",
}


def test_every_module_that_parses_is_read_or_exempt() -> None:
    """A new reader needs a row in the registry, which takes a seed and a call; see ``cases.Reader``."""
    covered = {module for reader in readers() for module in reader.modules}
    found = set(parsing_modules())
    assert found - covered - EXEMPT.keys() == set()
    assert EXEMPT.keys() - found == set(), "an exemption that nothing needs any more"
    assert EXEMPT.keys() & covered == set(), "exempt, and read all the same"
    assert covered - found - {"millrace.ingestion.readers"} == set(), "a row that names a module without a parser"


def test_every_table_and_every_flow_has_a_row() -> None:
    names = {reader.name for reader in readers()}
    assert {f"table:{name}" for name in table_functions()} <= names
    assert {f"settings:{flow}" for flow in MODULES} <= names
    assert {f"traces:{path.stem}" for path in (ROOT / "configs" / "mappings").glob("*.yaml")} <= names
    assert {f"stream:{path.stem}" for path in (ROOT / "configs" / "streams").glob("*.yaml")} <= names
    assert len(names) == len(readers())


def test_the_scan_sees_calls(tmp_path: Path) -> None:
    source = "import json\nfrom x import loads\n\ndef f():\n    return json.loads('1'), loads('2'), [yaml.safe_load]\n"
    (tmp_path / "module.py").write_text(source)
    assert calls(tmp_path / "module.py") & PARSING == {"loads"}


def parsing_modules() -> Iterator[str]:
    """Modules that call something of ``PARSING``."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if any(name.encode() in path.read_bytes() for name in PARSING) and calls(path) & PARSING:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def calls(path: Path) -> set[str]:
    functions = [node.func for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call)]
    return {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in functions}
