"""The files of a release: what lies in its folder, and putting them there."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from millrace.datasets.files import is_safe_name, sync_folder
from millrace.errors import BadInputError
from millrace.ports import Signer
from millrace.records.release import ReleaseFile, ReleaseManifest
from millrace.releases.dsse import sign
from millrace.releases.manifest import (
    ENVELOPE_FILE,
    JSON_FILE,
    MARKDOWN_FILE,
    manifest_json,
    manifest_markdown,
)
from millrace.releases.statement import PAYLOAD_TYPE, statement

_BLOCK = 2**20
Content = Path | bytes
"""What a file is copied from, or holds."""


def entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Name and status of everything under the folder but folders themselves, in order; no link is followed.

    Raises:
        BadInputError: a folder cannot be read.
    """
    waiting = [folder]
    while waiting:
        inner = waiting.pop()
        try:
            found = sorted(os.scandir(inner), key=lambda entry: entry.name)
            statuses = [(entry, entry.stat(follow_symlinks=False)) for entry in found]
        except OSError as error:
            raise BadInputError(f"{inner} cannot be read: {error.strerror}", file=str(inner)) from error
        for entry, status in statuses:
            if stat.S_ISDIR(status.st_mode):
                waiting.append(Path(entry.path))
            else:
                yield Path(entry.path).relative_to(folder).as_posix(), status


def digest_of(path: Path) -> tuple[str, int]:
    """sha256 and size of a file, read block by block; a link is not followed.

    Raises:
        BadInputError: it cannot be read, or is no file.
    """
    digest, n_bytes = hashlib.sha256(), 0
    for block in _blocks(path):
        digest.update(block)
        n_bytes += len(block)
    return digest.hexdigest(), n_bytes


def file_of(name: str, content: Content, rows: int | None = None) -> ReleaseFile:
    """A file as the manifest lists it."""
    if isinstance(content, bytes):
        return ReleaseFile(name=name, sha256=hashlib.sha256(content).hexdigest(), n_bytes=len(content), rows=rows)
    sha256, n_bytes = digest_of(content)
    return ReleaseFile(name=name, sha256=sha256, n_bytes=n_bytes, rows=rows)


def signed_files(manifest: ReleaseManifest, signer: Signer) -> dict[str, bytes]:
    """The manifest in its two forms, and the envelope over it and every other file; equal manifests, equal bytes."""
    derived = {JSON_FILE: manifest_json(manifest), MARKDOWN_FILE: manifest_markdown(manifest)}
    subjects = sorted(
        [*manifest.files, *(file_of(name, content) for name, content in derived.items())], key=lambda file: file.name
    )
    envelope = sign(PAYLOAD_TYPE, statement(manifest, subjects), [signer])
    return derived | {ENVELOPE_FILE: envelope.to_json()}


def write_release(folder: Path, contents: Mapping[str, Content], manifest: ReleaseManifest, signer: Signer) -> None:
    """Put a release into an empty folder, durably; the envelope comes last.

    Raises:
        BadInputError: a file is gone or no longer what the manifest says, or its name leaves the folder.
    """
    for file in manifest.files:
        if not is_safe_name(file.name):
            raise BadInputError(f"{file.name!r} is no name for a file of a release", file=file.name)
        if file.name not in contents:
            raise BadInputError(f"{file.name} is gone since the manifest was made", file=file.name)
        _write(folder / file.name, contents[file.name], file)
    for name, content in signed_files(manifest, signer).items():
        _write(folder / name, content, file_of(name, content))
    for inner in sorted({folder, *(path for path in folder.rglob("*") if path.is_dir())}, reverse=True):
        sync_folder(inner)


def _write(path: Path, content: Content, expected: ReleaseFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, n_bytes = hashlib.sha256(), 0
    with path.open("wb") as stream:
        for block in [content] if isinstance(content, bytes) else _blocks(content):
            stream.write(block)
            digest.update(block)
            n_bytes += len(block)
        stream.flush()
        os.fsync(stream.fileno())
    if (digest.hexdigest(), n_bytes) != (expected.sha256, expected.n_bytes):
        raise BadInputError(
            f"{content if isinstance(content, Path) else path.name} is not what the manifest says of {expected.name}: "
            f"expected {expected.sha256} ({expected.n_bytes} bytes), found {digest.hexdigest()} ({n_bytes} bytes)",
            file=str(content) if isinstance(content, Path) else expected.name,
        )


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadInputError(f"{path} is no file", file=str(path))
            while block := stream.read(_BLOCK):
                yield block
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
