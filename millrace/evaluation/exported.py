"""Files that exported suites are made of: our own check as plain modules, and templates."""

import re
from functools import cache
from importlib.resources import files

_MODULES = {
    "golden_check.py": "millrace.evaluation:golden_check.py",
    "golden_abstention.py": "millrace.methods:abstention.py",
    "golden_text.py": "millrace.methods:text.py",
}
_IMPORT = re.compile(r"^from millrace\.methods\.(\w+) import", re.MULTILINE)


@cache
def check_modules() -> dict[str, bytes]:
    """``golden_check`` and what it imports, by file name, importable from one folder without Millrace."""
    return {name: _IMPORT.sub(r"from golden_\1 import", _source(place)).encode() for name, place in _MODULES.items()}


def template(name: str) -> str:
    """A file of ``templates``."""
    return files("millrace.evaluation").joinpath("templates", name).read_text(encoding="utf-8")


def _source(place: str) -> str:
    package, _, name = place.partition(":")
    return files(package).joinpath(name).read_text(encoding="utf-8")
