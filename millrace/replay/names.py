"""Files and ids that a text names: what an answer must not make up."""

import re

_SUFFIXES = (
    "c|cc|cfg|conf|cpp|cs|css|csv|docx|env|gif|go|h|hpp|htm|html|ini|ipynb|java|jpeg|jpg|js|json|jsonl|kt|lock|log|md|parquet|pdf|"
    "php|png|pptx|proto|py|rb|rs|rst|scala|sh|sql|svg|tex|toml|ts|tsv|tsx|txt|xlsx|xml|yaml|yml|zip"
)
_STANDARDS = "AES|ASCII|COVID|CWE|GPT|HTTP|IEC|IEEE|ISO|MD|MP|RFC|RSA|SHA|TLS|USB|UTF|WW"

_FILE = re.compile(
    rf"(?<![\w./@:-])(?:(?:[A-Za-z]:)?[./\\~]*(?:[\w.-]+[/\\])*[\w-][\w.-]*\.(?:{_SUFFIXES}))(?![\w/\\-])"
)
_PLACE = re.compile(r"(?<![\w./@:<-])/(?:[\w.-]+/)+[\w.-]*\w")  # /etc/hosts
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'`)\]}]+")
_ID = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # a UUID
    r"|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b"  # a hash
    rf"|\b(?!(?:{_STANDARDS})-)[A-Z][A-Z0-9]{{1,9}}-\d{{2,}}\b"  # a ticket, as MILL-123
)
_ENDS = ".,;:!?"


def named_things(text: str) -> list[str]:
    """Files, paths, web addresses and ids in a text, each once, in order of their kind and place.

    Ids are UUIDs, hashes of 12 to 64 hex digits, and tickets such as ``MILL-123``; names of standards such as
    ``SHA-256`` are none.
    """
    addresses = [found[0].rstrip(_ENDS) for found in _ADDRESS.finditer(text)]
    rest = _ADDRESS.sub(" ", text)
    others = [found[0].rstrip(_ENDS) for pattern in (_FILE, _PLACE, _ID) for found in pattern.finditer(rest)]
    return list(dict.fromkeys([*addresses, *others]))


def made_up(text: str, sources: str) -> list[str]:
    """What a text names that its sources do not, in the text's order; letter case does not matter."""
    known = sources.casefold()
    return [thing for thing in named_things(text) if thing.casefold() not in known]
