from pathlib import Path

import pytest

from millrace.errors import NotFoundError
from tasks.sources import source_ref, table_path
from tasks.tables import groundedness_model, injection_rules, redaction_rules, triage_rules


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    write(tmp_path, one__data="hello", two__data="hello", three__data="other")
    first, second, third = (source_ref(str(tmp_path / name / "data")) for name in ("one", "two", "three"))
    # printf hello | sha256sum
    assert first.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert (first.name, first.sha256) == (second.name, second.sha256)
    assert first.path != second.path
    assert third.sha256 != first.sha256


def test_a_large_file_hashes_over_all_its_blocks(tmp_path: Path) -> None:
    megabyte = "x" * 2**20
    write(tmp_path, a=megabyte + "1", b=megabyte + "2")
    assert source_ref(str(tmp_path / "a")).sha256 != source_ref(str(tmp_path / "b")).sha256


def test_a_folder_is_named_by_relative_paths_and_contents(tmp_path: Path) -> None:
    known = source_ref(str(write(tmp_path / "one" / "docs", a="1", sub__b="2")))
    same = source_ref(str(write(tmp_path / "two" / "docs", sub__b="2", a="1")))
    moved = source_ref(str(write(tmp_path / "three" / "docs", a="1", b="2")))
    changed = source_ref(str(write(tmp_path / "four" / "docs", a="1", sub__b="3")))
    assert known.sha256 == same.sha256
    assert len({known.sha256, moved.sha256, changed.sha256}) == 3


def test_hidden_files_and_folders_do_not_count_even_below_a_hidden_one(tmp_path: Path) -> None:
    folder = tmp_path / ".hidden" / "docs"
    before = source_ref(str(write(folder, a="1")))
    write(folder, **{".git__config": "x", "sub__.swap": "y"})
    assert source_ref(str(folder)).sha256 == before.sha256
    write(folder, sub__b="2")
    assert source_ref(str(folder)).sha256 != before.sha256


def test_a_name_is_that_of_the_folder_even_when_given_as_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(tmp_path / "docs", a="1"))
    assert source_ref(".").name == "docs"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file or folder .*missing"):
        source_ref(str(tmp_path / "missing"))


def test_a_table_is_found_by_bundled_name_or_by_path(tmp_path: Path) -> None:
    own = write(tmp_path, **{"mine.yaml": "rules: []"}) / "mine.yaml"
    assert table_path("triage").name == "triage.yaml"
    assert table_path("mtrag", "mappings").parent.name == "mappings"
    assert table_path(str(own)) == own


def test_an_unknown_table_is_said_with_the_bundled_names() -> None:
    with pytest.raises(
        NotFoundError,
        match=r"no table 'nonsense': give a path, or one of .*groundedness, injection, output_schemas, pii",
    ):
        table_path("nonsense")


def test_every_bundled_table_opens() -> None:
    assert triage_rules().rules
    assert redaction_rules()
    assert injection_rules()
    assert groundedness_model()
