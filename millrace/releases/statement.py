"""What is signed of a release: an in-toto statement that names every file and carries the manifest.

Source: https://github.com/in-toto/attestation, spec/v1/statement.md.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.records.release import ReleaseFile, ReleaseManifest

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:millrace:release-manifest:v1"


@dataclass(frozen=True)
class Statement:
    """A statement as it was read; ``subjects`` are names and sha256 in their order, names not yet looked at."""

    subjects: tuple[tuple[str, str], ...]
    predicate_type: str
    predicate: dict[str, Any]


def statement(manifest: ReleaseManifest, subjects: Sequence[ReleaseFile]) -> bytes:
    """The payload for these files, canonical JSON."""
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": each.name, "digest": {"sha256": each.sha256}} for each in subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": manifest.model_dump(mode="json"),
        }
    )


def read_statement(payload: bytes) -> Statement:
    """A statement from its payload.

    Raises:
        BadInputError: not an in-toto statement v1, or a subject without a name and a sha256.
    """
    try:
        document = json.loads(payload)
        if document["_type"] != STATEMENT_TYPE:
            raise BadInputError(f"the statement is of type {document['_type']!r}, not {STATEMENT_TYPE}")
        subjects = tuple((_text(each["name"]), _text(each["digest"]["sha256"])) for each in document["subject"])
        predicate = document["predicate"]
        if not isinstance(predicate, dict):
            raise ValueError("predicate")
        return Statement(subjects, _text(document["predicateType"]), predicate)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInputError(f"what is signed is no in-toto statement: {type(error).__name__}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    value.encode()  # not every str of JSON has a UTF-8 form
    return value
