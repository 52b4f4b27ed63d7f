"""Judges as settings ask for them; a missing optional package says what to install."""

import sys
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.judge import CriteriaConfig, JudgesConfig, open_deepeval_judges, open_ragas_judges
from millrace.errors import BadInputError
from tests.support.embedder import HashedWords
from tests.support.gateway import refused_url
from tests.support.gateway_client import opened

KIND = {"name": "kindness", "text": "The answer is kind."}


def names(config: JudgesConfig) -> list[str]:
    """Of the judges that open; none of them asks anything yet."""
    with opened(refused_url()) as model:
        judges = [*open_ragas_judges(model, HashedWords(), config), *open_deepeval_judges(model, config)]
    assert judges == [*config.ragas_metrics, *config.deepeval_metrics]
    return judges


def test_every_metric_opens_in_the_order_of_the_settings() -> None:
    config = JudgesConfig.model_validate({"ragas": ["answer_relevancy", "faithfulness"], "criteria": [KIND]})
    assert names(config) == [
        "ragas_answer_relevancy", "ragas_faithfulness", "deepeval_faithfulness", "criteria_kindness",
    ]  # fmt: skip
    assert JudgesConfig().ragas_metrics == [
        "ragas_faithfulness", "ragas_context_precision", "ragas_answer_relevancy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"criteria": [KIND, KIND]},
        {"ragas": ["faithfulness", "faithfulness"]},
        {"ragas": ["recall"]},
        {"criteria": [KIND | {"name": "Not a name"}]},
        {"criteria": [KIND | {"fields": ["question"]}]},
        {"criteria": [KIND | {"fields": ["answer", "answer"]}]},
        {"criteria": [KIND | {"steps": [""]}]},
        {"criteria": [KIND | {"threshold": 0.5}]},
        {"n_questions": 0},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JudgesConfig.model_validate(settings)


@pytest.mark.parametrize("package", ["ragas", "deepeval"])
def test_a_missing_package_says_what_to_install(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # type: ignore[arg-type]
    monkeypatch.delitem(sys.modules, f"millrace.adapters.{package}_judge", raising=False)
    wanted = JudgesConfig(deepeval_faithfulness=False) if package == "ragas" else JudgesConfig(ragas=())
    with pytest.raises(BadInputError, match=r"pip install 'millrace\[eval\]'"):
        names(wanted)


def test_nothing_is_imported_for_judges_that_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ragas", "deepeval"):
        monkeypatch.setitem(sys.modules, package, None)  # type: ignore[arg-type]
        monkeypatch.delitem(sys.modules, f"millrace.adapters.{package}_judge", raising=False)
    assert names(JudgesConfig(ragas=(), deepeval_faithfulness=False)) == []


def test_criteria_without_fields_show_question_and_answer() -> None:
    assert CriteriaConfig.model_validate(KIND).fields == ("question", "answer")
