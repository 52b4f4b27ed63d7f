"""Dead Simple Signing Envelopes, version 1: a payload, its type, and signatures over both.

Source: https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md, v1.0.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.ports import Signer, Verifier


@dataclass(frozen=True)
class Signature:
    """One signature; ``key_id`` is a hint that nothing protects, None where there is none."""

    key_id: str | None
    value: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload with its type and any number of signatures, of which a reader trusts those of keys it knows."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_json(self) -> bytes:
        """The one form in which Millrace writes an envelope: canonical JSON, standard Base64, no other fields."""
        signatures = [
            {"sig": _encoded(each.value)} | ({} if each.key_id is None else {"keyid": each.key_id})
            for each in self.signatures
        ]
        document = {"payload": _encoded(self.payload), "payloadType": self.payload_type, "signatures": signatures}
        return canonical_json(document)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: ``DSSEv1``, then type and payload, each after its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, signers: Sequence[Signer]) -> Envelope:
    """An envelope with one signature of each signer, in their order."""
    signed = pre_authentication_encoding(payload_type, payload)
    signatures = tuple(Signature(signer.key_id, signer.sign(signed)) for signer in signers)
    return Envelope(payload_type, payload, signatures)


def is_signed_by(envelope: Envelope, verifier: Verifier) -> bool:
    """Whether one of the signatures is the key's; those that name another key are left alone."""
    signed = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    own = [each.value for each in envelope.signatures if each.key_id in (None, verifier.key_id)]
    return any(verifier.verify(signed, value) for value in own)


def read_envelope(data: bytes) -> Envelope:
    """An envelope from its file, in any spelling that the specification allows; other fields are left alone.

    Raises:
        BadInputError: not an envelope.
    """
    try:
        document = json.loads(data)
        payload_type = document["payloadType"]
        payload_type.encode()  # not every str of JSON has a UTF-8 form
        signatures = tuple(_signature(each) for each in document["signatures"])
        return Envelope(payload_type, _decoded(document["payload"]), signatures)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(f"not a DSSE envelope: {type(error).__name__}") from error


def _signature(document: dict[str, Any]) -> Signature:
    key_id = document.get("keyid")
    if not isinstance(key_id, str | None):
        raise TypeError("keyid")
    return Signature(key_id or None, _decoded(document["sig"]))


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    data = text.encode("ascii")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return base64.b64decode(data, altchars=b"-_", validate=True)  # its error is a ValueError
