"""PDF files give the text of their pages; what is broken, locked or endless is refused and never hangs."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError, UnavailableError
from millrace.ingestion.pdf import PdfReader
from tests.support.pdf import pdf_of, pdf_with

REASONS = {"encrypted", "broken_file", "too_large", "too_costly", "no_text"}


@pytest.fixture(scope="module")
def reader() -> Iterator[PdfReader]:
    with PdfReader(cpu_seconds=20) as opened:
        yield opened


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def reason_of(reader: PdfReader, path: Path) -> str:
    with pytest.raises(BadInputError) as refused:
        reader.read(path)
    return str(refused.value.details["reason"])


def test_each_page_has_its_text_under_a_heading_with_its_number(reader: PdfReader, tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf", pdf_of(["First page.", "Second page."], title="A manual"))
    found = reader.read(path)
    assert (found.title, found.text) == ("A manual", "First page.\n\nSecond page.")
    assert [(mark.title, mark.start, mark.end) for mark in found.marks] == [("Page 1", 0, 0), ("Page 2", 13, 13)]


def test_a_page_without_text_is_set_aside_with_its_number(reader: PdfReader, tmp_path: Path) -> None:
    found = reader.read(write(tmp_path / "a.pdf", pdf_of(["One.", "", "Three."])))
    assert [mark.title for mark in found.marks] == ["Page 1", "Page 3"]
    assert [(skip.details["reason"], skip.details["line"]) for skip in found.skips] == [("page_without_text", 2)]


def test_a_file_that_needs_no_password_to_be_read_is_read(reader: PdfReader, tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf", pdf_of(["Open."], password="", algorithm="AES-256"))
    assert reader.read(path).text == "Open."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pdf_of(["Locked."], password="open it", algorithm="AES-256"), "encrypted"),  # noqa: S106
        (pdf_of(["", ""]), "no_text"),
        (b"", "broken_file"),
        (b"%PDF-1.7\nnothing more", "broken_file"),
        (pdf_of(["Cut off."])[:300], "broken_file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    reader: PdfReader, tmp_path: Path, content: bytes, reason: str
) -> None:
    assert reason_of(reader, write(tmp_path / "a.pdf", content)) == reason


def test_a_file_that_takes_too_long_is_refused_and_the_next_one_is_read(tmp_path: Path) -> None:
    endless = write(tmp_path / "endless.pdf", pdf_with([b"BT /F1 12 Tf " + b"(x) Tj " * 3_000_000 + b"ET"]))
    fine = write(tmp_path / "fine.pdf", pdf_of(["Fine."]))
    with PdfReader(cpu_seconds=1) as reader:
        assert reason_of(reader, endless) == "too_costly"
        assert reader.read(fine).text == "Fine."


def test_a_reader_that_does_not_run_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.pdf", pdf_of(["Fine."]))
    monkeypatch.setattr("millrace.ingestion.pdf_process.__file__", str(tmp_path / "absent.py"))
    with PdfReader() as reader, pytest.raises(UnavailableError, match="the process that reads PDF files ended with 2"):
        reader.read(path)


WHOLE = pdf_of(["Some words of a page."] * 2, title="T")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_damaged_file_is_read_or_refused(reader: PdfReader, tmp_path: Path, seed: int, n_changes: int) -> None:
    numbers = random.Random(seed)
    content = bytearray(WHOLE)
    for _ in range(n_changes):
        content[numbers.randrange(len(content))] = numbers.randrange(256)
    path = write(tmp_path / "damaged.pdf", bytes(content))
    found = text_or_reason(reader, path)
    assert found in REASONS or found.encode()


def text_or_reason(reader: PdfReader, path: Path) -> str:
    try:
        found = reader.read(path)
    except BadInputError as error:
        return str(error.details["reason"])
    assert all(mark.end <= len(found.text) for mark in found.marks)
    return found.text
