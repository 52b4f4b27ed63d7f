"""Records in files of JSON: what is wrong is said with file and field."""

from pathlib import Path

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.records.base import Record
from millrace.records.json_file import parse_json_record, read_json_record


class Point(Record):
    """Two numbers."""

    x: int
    y: float = 0.0


def test_a_record_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"x": 1, "y": 0.5}')
    assert read_json_record(tmp_path / "p.json", Point) == Point(x=1, y=0.5)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "Point"), (b"\xff", "Point"), (b"[]", "Point"), (b"{", "Point"), (b"[" * 100_000, "Point"), (b"{}", "x"),
        (b'{"x": "secret"}', "x"), (b'{"x": 1, "y": NaN}', "y"), (b'{"x": 1, "z": 2}', "z"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_file_and_field_and_shows_nothing(content: bytes, field: str) -> None:
    with pytest.raises(BadInputError, match=rf"^p\.json is damaged, or not Millrace's: {field}: ") as caught:
        parse_json_record(content, Point, "p.json")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file .*absent\.json"):
        read_json_record(tmp_path / "absent.json", Point)
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(BadInputError, match="is not a file"):
            read_json_record(path, Point)
