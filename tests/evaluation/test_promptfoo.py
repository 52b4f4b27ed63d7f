"""The suite as promptfoo reads it: checked against promptfoo's own schema, and run where promptfoo is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from millrace.evaluation.promptfoo import PromptfooConfig, inert, promptfoo_files
from millrace.records.golden import GoldenRow
from tests.evaluation.conftest import GOOD, golden_row, written

PROMPTFOO = "0.121.20"
HERE = Path(__file__).parent
# what the module with promptfoo's schema imports; the versions are promptfoo's
SCHEMA_PACKAGES = ["ajv", "ajv-formats", "chalk", "dedent", "dotenv", "drizzle-orm", "fast-safe-stringify", "js-yaml"]
SCHEMA_PACKAGES += ["winston", "zod"]
HOSTILE = [
    "{{ env.HOME }}",
    "{{ range.constructor('return process.env.HOME')() }}",
    "{% raw %}",
    "{# c #}",
    "{{{x}}}",
    "#}",
    "file:///etc/passwd",
    "FILE://x",
    "package:x",
]


def files(rows: list[GoldenRow], **settings: Any) -> dict[str, bytes]:
    return promptfoo_files(rows, PromptfooConfig(**settings), "golden dataset main 1.0.0")


def document(rows: list[GoldenRow], **settings: Any) -> Any:
    return yaml.safe_load(files(rows, **settings)["promptfooconfig.yaml"])


def test_every_row_is_a_test_with_its_expectation(cases: list[GoldenRow]) -> None:
    tests = document(cases)["tests"]
    assert [test["vars"]["golden_id"] for test in tests] == [row.golden_id for row in cases]
    assert [test["vars"]["expected_behaviour"] for test in tests] == ["answer", "abstain", "block"]
    assert tests[0]["vars"]["context"] == "[1] All tyres carry a guarantee of 24 months."
    assert tests[0]["vars"]["history"] == "user: I have tyres."
    assert tests[2]["metadata"] == {"category": "safety_violation", "split": "eval", "added_in": "1.0.0"}


def test_there_are_two_prompts_and_every_file_named_is_there(cases: list[GoldenRow]) -> None:
    config, exported = document(cases), files(cases)
    assert len(config["prompts"]) == 2
    named = re.findall(r"file://(\S+?)['\"]?$", yaml.safe_dump(config), re.MULTILINE)
    assert sorted(named) == ["answers_provider.py", "assert_golden.py", "prompts/brief.txt", "prompts/grounded.txt"]
    assert set(named) <= exported.keys()


def test_prompts_use_only_variables_that_every_test_has(cases: list[GoldenRow]) -> None:
    variables = set.intersection(*(set(test["vars"]) for test in document(cases)["tests"]))
    for name, text in files(cases).items():
        if name.startswith("prompts/"):
            used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", text.decode()))
            assert {"question", "context"} <= used <= variables


def test_providers_and_the_bound_are_settings(cases: list[GoldenRow]) -> None:
    config = document(cases, providers=["openai:chat:some-model"], min_recall=0.7)
    assert config["providers"] == ["openai:chat:some-model"]
    assert config["defaultTest"]["assert"][0]["config"] == {"min_recall": 0.7}


@given(st.one_of(st.text(), st.lists(st.sampled_from([*"{}%# x", "file://"])).map("".join)))
def test_nothing_of_a_text_is_a_template_or_loaded(text: str) -> None:
    found = inert(text)
    assert not re.search(r"\{[{%#]|[}%#]\}", found)
    assert not re.match(r"(?i)(file|package):", found)
    assert inert(found) == found
    assert found.replace(" ", "") == text.replace(" ", "")


def answers(folder: Path, said: dict[str, str]) -> Path:
    lines = [json.dumps({"golden_id": name, "answer": text}) for name, text in said.items()]
    path = folder / "answers.jsonl"
    path.write_text("\n".join(lines))
    return path


def in_folder(folder: Path, code: str, **variables: str) -> Any:
    """Run Python as promptfoo does: the script's folder first on the path, nothing of ours on it."""
    script = f"import sys, json; sys.path.insert(0, {str(folder)!r})\n{code}"
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/", env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_assertion_and_the_provider_run_as_files(cases: list[GoldenRow], tmp_path: Path) -> None:
    written(files(cases), tmp_path)
    answers(tmp_path, GOOD)
    tests = yaml.safe_load((tmp_path / "promptfooconfig.yaml").read_text())["tests"]
    code = (
        "from answers_provider import call_api\nfrom assert_golden import get_assert\n"
        f"contexts = {[{'vars': test['vars'], 'config': {'min_recall': 0.5}} for test in tests]!r}\n"
        "said = [call_api('', {}, each)['output'] for each in contexts]\n"
        "print(json.dumps([[get_assert(text, each) for each in contexts] for text in [*said, 'It is 12 months.']]))"
    )
    answered, abstained, refused, wrong = ([each["pass"] for each in row] for row in in_folder(tmp_path, code))
    assert answered == [True, False, False]
    assert abstained == refused == [False, True, True]
    assert wrong == [False, False, False]


def test_a_missing_answer_is_an_error_not_a_pass(cases: list[GoldenRow], tmp_path: Path) -> None:
    written(files(cases), tmp_path)
    code = "from answers_provider import call_api\nprint(json.dumps(call_api('', {}, {'vars': {'golden_id': 'x'}})))"
    assert "answers.jsonl is not there" in in_folder(tmp_path, code)["error"]
    answers(tmp_path, GOOD)
    assert "no answer for x" in in_folder(tmp_path, code)["error"]


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """promptfoo's configuration schema, made from its package as promptfoo makes it."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("promptfoo's schema comes from npm, which is not installed")
    folder = tmp_path_factory.mktemp("promptfoo")
    npm = ["npm", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(
            [*npm, "pack", f"promptfoo@{PROMPTFOO}"], cwd=folder, check=True, capture_output=True, timeout=60
        )
        with tarfile.open(folder / f"promptfoo-{PROMPTFOO}.tgz") as archive:
            archive.extractall(folder, filter="data")
        wanted = json.loads((folder / "package" / "package.json").read_text())["dependencies"]
        named = {"private": True, "dependencies": {name: wanted[name] for name in SCHEMA_PACKAGES}}
        (folder / "package.json").write_text(json.dumps(named))
        install = [*npm, "--legacy-peer-deps", "install"]
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"promptfoo {PROMPTFOO} cannot be had from npm here: {error}")
    shutil.copy(HERE / "promptfoo_schema.mjs", folder)
    made = subprocess.run(["node", "promptfoo_schema.mjs"], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(made.stdout)


def test_the_configuration_fits_promptfoos_schema(cases: list[GoldenRow], schema: Any) -> None:
    rows = [*cases, *(golden_row(str(place), question=text) for place, text in enumerate(HOSTILE))]
    config = document(rows)
    jsonschema.Draft7Validator(schema).validate(config)
    jsonschema.Draft7Validator(schema).validate(document(rows, providers=["openai:chat:some-model"]))
    for wrong in ({**config, "promts": []}, {**config, "tests": [{"vras": {}}]}):
        assert not jsonschema.Draft7Validator(schema).is_valid(wrong)


@pytest.mark.skipif(shutil.which("promptfoo") is None, reason="promptfoo is not installed: npm install -g promptfoo")
def test_promptfoo_itself_passes_good_answers_and_fails_wrong_ones(cases: list[GoldenRow], tmp_path: Path) -> None:
    rows = [*cases, *(golden_row(str(place), question=text) for place, text in enumerate(HOSTILE))]
    suite = written(files(rows), tmp_path / "suite")
    variables = os.environ | {
        "PROMPTFOO_CONFIG_DIR": str(tmp_path / "promptfoo"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_PYTHON": sys.executable,
    }

    def evaluate(said: dict[str, str]) -> dict[str, bool]:
        answers(suite, said)
        command = ["promptfoo", "eval", "-c", "promptfooconfig.yaml", "--no-cache", "--no-table", "-o", "out.json"]
        subprocess.run(command, cwd=suite, env=variables, capture_output=True, timeout=300)
        results = json.loads((suite / "out.json").read_text())["results"]["results"]
        assert len(results) == 2 * len(rows)
        prompts = "\n".join(each["prompt"]["raw"] for each in results)
        assert os.environ["HOME"] not in prompts
        assert "root:" not in prompts
        return {each["vars"]["golden_id"]: each["success"] for each in results}

    good = GOOD | {row.golden_id: "24 months of guarantee." for row in rows[3:]}
    assert set(evaluate(good).values()) == {True}
    assert set(evaluate(dict.fromkeys(good, "It is 12 months.")).values()) == {False}
    command = ["promptfoo", "validate", "config", "-c", "promptfooconfig.yaml"]
    assert subprocess.run(command, cwd=suite, env=variables, capture_output=True).returncode == 0
