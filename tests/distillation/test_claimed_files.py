"""Which paths a text names, and which of them exist."""

import numpy as np
import pyarrow as pa
import pytest

from millrace.distillation.claimed_files import KnownFiles, claimed_path, named_paths, unknown_files

KNOWN = KnownFiles.of(["src/app.py", "./src/core/rules.py", "docs\\guide.md", "README.md", "data/all.tar.gz", " "])


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see src/app.py.", ["src/app.py"]),
        ("(src\\core\\rules.py:12)", ["src/core/rules.py"]),
        ("`app.py` and `pd.DataFrame`", ["app.py"]),
        ("C:\\mill\\src\\app.py", ["C:/mill/src/app.py"]),
        ("[x](docs/guide.md#top) /etc/x.conf ~/a/b.txt", ["docs/guide.md", "/etc/x.conf", "~/a/b.txt"]),
        ("data/all.tar.gz, data/all.tar.", ["data/all.tar.gz", "data/all.tar"]),
        ("see src/ghost.\uff50\uff59 \u2013 \uff53rc\uff0fapp.py", ["src/ghost.py", "src/app.py"]),
        ("https://mill.example/src/ghost.py?x=1", []),
        ("git+ssh://host/src/ghost.py ftp://x/y.md", []),
        ("docs.python.org/3/library/os.html", []),
        ("github.com/mill/race/blob/main/src/ghost.py", []),
        ("and/or, km/h. 1/2, 24/7, Node.js, e.g. x, U.S./U.K., TCP/IP", []),
        ("a directory: src/core/", []),
        ("file:///srv/src/ghost.py", ["/srv/src/ghost.py"]),
        ("", []),
    ],
)
def test_paths_are_told_from_words_and_addresses(text: str, paths: list[str]) -> None:
    assert named_paths(text, KNOWN) == paths


@pytest.mark.parametrize(
    "path",
    [
        *(
            "src/app.py",
            "./src/app.py",
            "app.py",
            "core/rules.py",
            "src/core/../app.py",
            "src//app.py",
            "../src/app.py",
        ),
        *("/srv/mill/src/app.py", "C:/mill/src/app.py", "~/mill/docs/guide.md", "a/src/app.py", "b/docs/guide.md"),
    ],
)
def test_known_files_are_known_by_any_of_their_names(path: str) -> None:
    assert KNOWN.holds(path)


@pytest.mark.parametrize(
    "path", ["src/App.py", "x/app.py", "/srv/app.py", "c/src/app.py", "src/app.pyc", "src/app.py/x.py", "pp.py"]
)
def test_others_are_not(path: str) -> None:
    assert not KNOWN.holds(path)


def test_a_claim_may_point_to_a_line() -> None:
    for claim in (
        "src/app.py:3",
        "src/app.py#L3-L9",
        " `src/app.py` ",
        "src\\app.py (line 3)",
        "src/app.py, lines 3-4",
    ):
        assert claimed_path(claim) == "src/app.py"


def test_hidden_files_are_judged_only_where_they_would_be_listed() -> None:
    assert not KNOWN.holds(".github/ci.yml")
    assert KnownFiles.of(["src/app.py"], judges_hidden=False).holds(".github/ci.yml")
    assert not KnownFiles.of(["src/app.py"], judges_hidden=False).holds("github/ci.yml")


def test_the_first_unknown_file_of_a_row_is_named_claims_before_the_text() -> None:
    texts = pa.array(["in src/ghost.py", "in src/app.py", "in src/a.py", "no path", "in src/b.py"])
    claims = pa.array([["src/app.py", "x.py"], [], [], ["https://mill.example/x.py", ""], []], pa.list_(pa.string()))
    rows = np.array([True, True, True, True, False])
    assert unknown_files(texts, claims, rows, KNOWN) == [(0, "x.py", False), (2, "src/a.py", True)]


@pytest.mark.parametrize("piece", ["a/", "a.", "a-", "x://", "../", "`a", "\\", "a.a/"])
def test_long_runs_of_the_signs_of_paths_are_read_once(piece: str) -> None:
    """A pattern that begins again at every character would need minutes."""
    assert len(named_paths(piece * 60_000, KNOWN)) <= 1
