"""Ed25519 against RFC 8032, section 7.1, and files that hold no such key."""

from base64 import b64decode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from millrace.adapters.ed25519 import Ed25519Signer, Ed25519Verifier, new_private_pem
from millrace.errors import BadInputError

# Secret key, public key, message and signature of tests 1 to 3.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group


def pem_of(secret: str) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_the_rfc(secret: str, public: str, message: str, signature: str) -> None:
    signer = Ed25519Signer.from_pem(pem_of(secret), "key")
    data = bytes.fromhex(message)
    assert signer.sign(data).hex() == signature
    assert signer.verifier.verify(data, bytes.fromhex(signature))
    assert bytes.fromhex(public) in b64decode(signer.verifier.pem.splitlines()[1])


def test_the_key_id_is_the_hash_of_the_public_keys_der() -> None:
    signer = Ed25519Signer.from_pem(pem_of(RFC_8032[0][0]), "key")
    der = bytes.fromhex("302a300506032b6570032100" + RFC_8032[0][1])  # RFC 8410's prefix
    assert signer.key_id == sha256(der).hexdigest()
    assert Ed25519Verifier.from_pem(signer.verifier.pem, "key").key_id == signer.key_id


def test_what_another_signed_or_said_does_not_verify() -> None:
    verifier = Ed25519Signer.from_pem(pem_of(RFC_8032[1][0]), "key").verifier
    signature = bytes.fromhex(RFC_8032[1][3])
    assert not verifier.verify(b"\x73", signature)
    assert not Ed25519Signer.from_pem(new_private_pem(), "key").verifier.verify(b"\x72", signature)
    for place in (0, 31, 32, 63):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not verifier.verify(b"\x72", bytes(changed))


def test_a_signature_has_one_form_only() -> None:
    # Adding the group's order to S gives another number that satisfies the equation; RFC 8032 refuses it.
    verifier = Ed25519Signer.from_pem(pem_of(RFC_8032[1][0]), "key").verifier
    signature = bytes.fromhex(RFC_8032[1][3])
    other = signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert not verifier.verify(b"\x72", other)


@pytest.mark.parametrize("signature", [b"", b"\0" * 63, b"\0" * 64, b"\0" * 65])
def test_what_is_no_signature_is_not_valid(signature: bytes) -> None:
    assert not Ed25519Signer.from_pem(new_private_pem(), "key").verifier.verify(b"", signature)


def test_other_files_are_refused_by_name_and_without_their_content() -> None:
    p256 = ec.generate_private_key(ec.SECP256R1())
    other = p256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    public = p256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for pem, message in (
        (b"hello", "a.pem is no private key in PEM form"),
        (public, "a.pem is no private key in PEM form"),
        (other, "a.pem is a private key of another kind than ed25519"),
        (locked, "a.pem is locked with a password"),
    ):
        with pytest.raises(BadInputError, match=message):
            Ed25519Signer.from_pem(pem, "a.pem")
    for pem, message in (
        (b"hello", "a.pem is no public key in PEM form"),
        (new_private_pem(), "a.pem is no public key in PEM form"),
        (public, "a.pem is a public key of another kind than ed25519"),
    ):
        with pytest.raises(BadInputError, match=message):
            Ed25519Verifier.from_pem(pem, "a.pem")


def test_a_signer_does_not_show_its_key() -> None:
    pem = new_private_pem()
    signer = Ed25519Signer.from_pem(pem, "key")
    assert pem.splitlines()[1].decode()[-20:] not in f"{signer!r} {vars(signer)}"
