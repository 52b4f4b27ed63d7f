"""Ed25519 signatures (RFC 8032) by the library cryptography, with keys as PEM."""

from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from millrace.errors import BadInputError


class Ed25519Verifier:
    """A public key."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def from_pem(cls, pem: bytes, name: str) -> "Ed25519Verifier":
        """A key from its file.

        Raises:
            BadInputError: not an ed25519 public key in PEM; ``name`` says where it was looked for.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BadInputError(f"{name} is no public key in PEM form", file=name) from error
        if not isinstance(key, Ed25519PublicKey):
            raise BadInputError(f"{name} is a public key of another kind than ed25519", file=name)
        return cls(key)

    @property
    def key_id(self) -> str:
        return sha256(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    @property
    def pem(self) -> bytes:
        """The public key as a file."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, data: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class Ed25519Signer:
    """A private key; it shows itself in no text."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def from_pem(cls, pem: bytes, name: str) -> "Ed25519Signer":
        """A key from its file.

        Raises:
            BadInputError: not an ed25519 private key in PEM without a password; the message holds nothing of it.
        """
        try:
            key = load_pem_private_key(pem, password=None)
        except TypeError:
            raise BadInputError(
                f"{name} is locked with a password; releases need a key without one", file=name
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise BadInputError(f"{name} is no private key in PEM form", file=name) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadInputError(f"{name} is a private key of another kind than ed25519", file=name)
        return cls(key)

    @property
    def verifier(self) -> Ed25519Verifier:
        """The public half."""
        return Ed25519Verifier(self._key.public_key())

    @property
    def key_id(self) -> str:
        return self.verifier.key_id

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def new_private_pem() -> bytes:
    """A new private key as PKCS8 in PEM, from the operating system's randomness."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
