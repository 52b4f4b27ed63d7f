"""Dataset cards: readable by the hub's own parser, and true to the files they lie beside."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from millrace.distillation.dataset_card import dataset_card
from millrace.distillation.export_files import WrittenExport, write_data
from millrace.distillation.export_form import COLUMNS
from millrace.records.evidence import Export
from tests.support.export_rows import EXPORTS, about, export_table, made_up_ref
from tests.support.hostile import Hostile

ROWS = made_up_ref("sft_rows", 7)


def written(export: Export = "sft", counts: Any = None, rows: int = 7) -> WrittenExport:
    known = {"category": {"accepted": rows}, "provenance.stream": {"traces": rows}, "tenant_id": {"mill": rows}}
    return WrittenExport(export, rows, (), known | (counts or {}))


def header(card: str) -> dict[str, Any]:
    found: dict[str, Any] = DatasetCard(card).data.to_dict()
    return found


@pytest.mark.parametrize("export", EXPORTS)
def test_the_hub_reads_the_header_and_the_text_names_files_columns_and_hashes(tmp_path: Path, export: Export) -> None:
    data = write_data(tmp_path, export, [export_table(export, 7)])
    text = dataset_card(data, ROWS, about())
    (tmp_path / "README.md").write_text(text)
    card = DatasetCard.load(tmp_path / "README.md")
    assert card.data.to_dict()["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "train.parquet"}]}
    ]
    for file in data.files:
        assert f"| {file.name} | {file.n_bytes} | `{file.sha256}` |" in card.text
    for ref in (ROWS, about().evidence, about().scores, about().contamination, about().eval_examples):
        assert ref is not None
        assert ref.name in card.text
    for column in COLUMNS[export]:
        assert f"| `{column}` |" in card.text
    assert "default 3" in card.text
    assert "compared with 40 eval examples" in card.text


def test_equal_exports_have_equal_cards(tmp_path: Path) -> None:
    cards = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        data = write_data(tmp_path / name, "rag", [export_table("rag", 3)])
        cards.append(dataset_card(data, ROWS, about()))
    assert cards[0] == cards[1]


@pytest.mark.parametrize(
    ("n_rows", "size"),
    [
        *((0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**5, "100K<n<1M"), (10**6, "1M<n<10M")),
        (10**7, "n>10M"),
    ],
)
def test_the_size_is_one_that_the_hub_knows(n_rows: int, size: str) -> None:
    assert header(dataset_card(written(rows=n_rows), ROWS, about()))["size_categories"] == [size]


@pytest.mark.parametrize(
    ("licences", "license_", "name"),
    [
        ({"traces": "Apache-2.0"}, "apache-2.0", None),
        ({"traces": "Apache-2.0", "other": None}, "apache-2.0", None),  # no row of it
        ({"traces": None}, "unknown", None),
        ({}, "unknown", None),
        ({"traces": "ours: alone"}, "other", "ours: alone"),
    ],
)
def test_the_licence_is_that_of_the_streams_with_rows(
    licences: dict[str, str | None], license_: str, name: str | None
) -> None:
    text = dataset_card(written(), ROWS, about(licences=licences))
    assert (header(text)["license"], header(text).get("license_name")) == (license_, name)
    assert ("not known" in text) == (license_ == "unknown")


def test_streams_of_both_sides_of_a_pair_have_licences() -> None:
    sides = {"provenance.stream": {"traces": 7}, "rejected_provenance.stream": {"reviews": 7}}
    text = dataset_card(written("preference", sides), ROWS, about(licences={"traces": "MIT", "reviews": "odbl"}))
    assert header(text)["license"] == "other"
    assert "| traces | MIT |" in text
    assert "| reviews | odbl |" in text
    unknown = dataset_card(written("preference", sides), ROWS, about(licences={"traces": "MIT"}))
    assert header(unknown)["license"] == "unknown"
    assert "| reviews | not known |" in unknown


def test_what_was_refused_is_told_by_reason_and_so_is_that_nothing_was() -> None:
    assert "| empty_content | 2 |\n| eval_contamination | 1 |" in dataset_card(written(), ROWS, about())
    assert "Nothing was refused." in dataset_card(written("rag"), ROWS, about())
    assert "What was refused was not counted." in dataset_card(written("preference"), ROWS, about())


@pytest.mark.parametrize("examples", [None, made_up_ref("eval_examples", 0)])
def test_no_decontamination_is_said_plainly(examples: Any) -> None:
    assert "**compared with no eval examples.**" in dataset_card(written(), ROWS, about(eval_examples=examples))


def test_a_stream_of_any_name_stays_in_its_cell_and_out_of_the_header() -> None:
    text = dataset_card(written(counts={"provenance.stream": {"a|b\n---\nlicense: mit": 7}}), ROWS, about())
    assert "| a\\|b --- license: mit | 7 |" in text
    assert header(text)["license"] == "unknown"


@pytest.mark.parametrize("evil", Hostile("http://127.0.0.1:9").texts)
def test_a_name_of_a_stranger_is_text_in_the_card(evil: str) -> None:
    assert shape(evil) == shape("stream")


def shape(name: str) -> list[str]:
    """What Markdown makes of a card in which a stream, its licence and the rules have that name."""
    known = about().model_copy(update={"licences": {name: name}, "scoring_rules": name})
    card = dataset_card(written(counts={"provenance.stream": {name: 7}}), ROWS, known)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(DatasetCard(card).text)
    inner = [
        child.type for token in tokens for child in token.children or [] if child.type not in ("text", "text_special")
    ]
    return [token.type for token in tokens] + inner


def test_of_thousands_of_tenants_the_largest_are_named_and_the_others_summed() -> None:
    tenants = {f"tenant-{number:04d}": 1 + number for number in range(2000)}
    text = dataset_card(written(counts={"tenant_id": tenants}), ROWS, about())
    assert "| tenant-1999 | 2000 |" in text
    assert f"| 1950 others | {sum(range(1, 1951))} |" in text
    assert len(text) < 10_000
