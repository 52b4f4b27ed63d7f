import pytest

from millrace.errors import BadInputError
from millrace.golden.versions import next_version, version_key


@pytest.mark.parametrize(
    ("parent", "change", "expected"),
    [
        ("1.0.0", {}, "1.0.0"),
        ("1.9.0", {"added": 1}, "1.10.0"),
        ("1.2.3", {"added": 5}, "1.3.0"),
        ("1.2.0", {"removed": 1}, "2.0.0"),
        ("1.2.0", {"added": 1, "removed": 1}, "2.0.0"),
        ("1.2.0", {"schema_changed": True}, "2.0.0"),
    ],
)
def test_the_next_version_tells_what_changed(parent: str, change: dict[str, int], expected: str) -> None:
    assert next_version(parent, **change) == expected


def test_versions_sort_by_number() -> None:
    assert sorted(["1.10.0", "1.9.0", "10.0.0", "2.0.0"], key=version_key) == ["1.9.0", "1.10.0", "2.0.0", "10.0.0"]


@pytest.mark.parametrize("version", ["", "1.0", "1.0.0.0", "v1.0.0", "1.0.x", "1.-1.0", "1.².0"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(BadInputError, match="no version"):
        version_key(version)
