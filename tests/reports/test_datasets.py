import pyarrow as pa

from millrace.datasets.manifest import Manifest, Origin, Part
from millrace.reports.datasets import manifest_markdown, rows_markdown

HASH = "0123456789abcdef" * 4


def test_the_first_rows_are_shown_and_all_are_counted() -> None:
    table = pa.table({"n": [1, 2, 3], "name": ["a|b", None, "c"], "tags": [["x"], [], ["y"]]})
    lines = rows_markdown(table, n_rows=2).splitlines()
    assert lines[0] == "| name | tags | n |"
    assert lines[1] == "| --- | --- | ---: |"
    assert lines[2] == '| a\\|b | \\["x"\\] | 1 |'
    assert lines[3] == "| – | \\[\\] | 2 |"  # noqa: RUF001
    assert lines[-1] == "2 of 3 rows shown."


def test_long_cells_are_cut() -> None:
    cell = rows_markdown(pa.table({"text": ["word " * 100]}), max_chars=20).splitlines()[2]
    assert cell == "| word word word… |"


def test_a_table_without_rows_shows_its_columns() -> None:
    assert rows_markdown(pa.table({"a": pa.array([], pa.string())})).splitlines()[-1] == "0 of 0 rows shown."


def test_a_manifest_says_where_the_dataset_came_from() -> None:
    origin = Origin(
        stage="triage_traces",
        code_fingerprint=HASH,
        settings_hash=HASH,
        inputs=[f"traces:{HASH}"],
        numeric_profile="bf16",
    )
    part = Part(file="part-00000.parquet", rows=3, hash=HASH)
    manifest = Manifest(kind="triage", schema_version=1, rows=3, parts=[part], content_hash=HASH, origin=origin)
    text = manifest_markdown(manifest)
    assert "- **Rows:** 3 in 1 part" in text
    assert "- **Made by:** triage\\_traces" in text
    assert "- **From:** traces:0123456789ab" in text
