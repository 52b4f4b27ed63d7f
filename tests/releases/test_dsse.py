"""Envelopes: against the specification's own vector, and whatever is no envelope."""

import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from millrace.adapters.ed25519 import Ed25519Signer, new_private_pem
from millrace.errors import BadInputError
from millrace.releases.dsse import (
    Envelope,
    Signature,
    is_signed_by,
    pre_authentication_encoding,
    read_envelope,
    sign,
)

# Test vectors of protocol.md, DSSE v1.0.0.
TYPE, BODY = "http://example.com/HelloWorld", b"hello world"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
ENVELOPE = b"""{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}
"""


class Ecdsa:
    """The verifier of the specification's vector: P-256 with SHA-256, r and s one after the other."""

    key_id = "66301bbf"

    def verify(self, data: bytes, signature: bytes) -> bool:
        key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
        r, s = (int.from_bytes(half) for half in (signature[:32], signature[32:]))
        try:
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


@pytest.fixture(scope="module")
def signer() -> Ed25519Signer:
    return Ed25519Signer.from_pem(new_private_pem(), "key")


def test_the_encoding_is_that_of_the_specification() -> None:
    assert pre_authentication_encoding(TYPE, BODY) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_count_bytes_not_characters() -> None:
    assert pre_authentication_encoding("t\u00fc", "\u00fc".encode()) == b"DSSEv1 3 t\xc3\xbc 2 \xc3\xbc"
    assert pre_authentication_encoding("", b"") == b"DSSEv1 0  0 "


def test_the_specifications_envelope_is_read_and_its_signature_holds() -> None:
    envelope = read_envelope(ENVELOPE)
    assert (envelope.payload_type, envelope.payload) == (TYPE, BODY)
    assert is_signed_by(envelope, Ecdsa())


def test_a_signature_of_another_payload_does_not_hold() -> None:
    read = read_envelope(ENVELOPE)
    assert not is_signed_by(Envelope(TYPE, b"hello World", read.signatures), Ecdsa())
    assert not is_signed_by(Envelope(TYPE + "/", BODY, read.signatures), Ecdsa())


def test_url_safe_base64_is_read_too() -> None:
    assert read_envelope(ENVELOPE.replace(b"3F+FnZ+O", b"3F-FnZ-O")) == read_envelope(ENVELOPE)


def test_one_of_several_signatures_is_enough_and_foreign_ones_are_left_alone(signer: Ed25519Signer) -> None:
    other = Ed25519Signer.from_pem(new_private_pem(), "other")
    envelope = read_envelope(sign("type", b"payload", [other, signer]).to_json())
    assert [each.key_id for each in envelope.signatures] == [other.key_id, signer.key_id]
    assert is_signed_by(envelope, signer.verifier)
    assert is_signed_by(envelope, other.verifier)
    assert not is_signed_by(envelope, Ed25519Signer.from_pem(new_private_pem(), "third").verifier)


def test_a_signature_that_names_another_key_is_not_tried(signer: Ed25519Signer) -> None:
    (own,) = sign("type", b"payload", [signer]).signatures
    assert is_signed_by(Envelope("type", b"payload", (Signature(None, own.value),)), signer.verifier)
    assert not is_signed_by(Envelope("type", b"payload", (Signature("other", own.value),)), signer.verifier)
    assert not is_signed_by(Envelope("type", b"payload", ()), signer.verifier)


@given(payload=st.binary(max_size=200), kind=st.text(max_size=30).filter(lambda text: text.isprintable()))
def test_what_is_written_is_read(payload: bytes, kind: str) -> None:
    envelope = Envelope(kind, payload, (Signature("k", payload[:64]), Signature(None, b"\xff\xfe")))
    assert read_envelope(envelope.to_json()) == envelope


@given(first=st.tuples(st.text(), st.binary()), second=st.tuples(st.text(), st.binary()))
def test_different_contents_are_never_encoded_alike(first: tuple[str, bytes], second: tuple[str, bytes]) -> None:
    assert (pre_authentication_encoding(*first) == pre_authentication_encoding(*second)) == (first == second)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "null",
        "7",
        '"payload"',
        "[" * 100_000,
        "{}",
        '{"payload": "", "payloadType": "t"}',
        '{"payload": "", "payloadType": 7, "signatures": []}',
        '{"payload": "", "payloadType": "\\ud800", "signatures": []}',
        '{"payload": 7, "payloadType": "t", "signatures": []}',
        '{"payload": "a", "payloadType": "t", "signatures": []}',
        '{"payload": "a b=", "payloadType": "t", "signatures": []}',
        '{"payload": "", "payloadType": "t", "signatures": null}',
        '{"payload": "", "payloadType": "t", "signatures": ["sig"]}',
        '{"payload": "", "payloadType": "t", "signatures": [{}]}',
        '{"payload": "", "payloadType": "t", "signatures": [{"sig": "", "keyid": 7}]}',
    ],
)
def test_what_is_no_envelope_is_refused(document: str) -> None:
    with pytest.raises(BadInputError, match="not a DSSE envelope"):
        read_envelope(document.encode())


@given(
    data=st.binary(max_size=60)
    | st.recursive(st.text() | st.none(), lambda x: st.lists(x)).map(json.dumps).map(str.encode)
)
def test_reading_never_ends_in_another_error(data: bytes) -> None:
    with pytest.raises(BadInputError):
        read_envelope(data)
