"""Which files of a damaged backup are hit."""

import io
import json
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from millrace.governance.backup_blocks import Damage, block_at, blocks
from millrace.governance.backup_writing import MANIFEST_ENTRY
from millrace.records.backup import BackupFile, BackupFinding, BackupManifest


def damage_in(stream: BinaryIO) -> list[BackupFinding]:
    """Every stretch of damaged bytes with every file in it, from the list of files where that can be read."""
    damages, listing = [], []
    for found in blocks(stream):
        if isinstance(found, Damage):
            damages.append(found)
        elif found.is_list:
            listing.append(found.at)
    listed = _listed(stream, listing)
    return [finding for damage in damages for finding in _named(damage, listed)]


def _named(damage: Damage, listed: list[BackupFile] | None) -> Iterator[BackupFinding]:
    hit = [file.name for file in listed or [] if _overlaps(file, damage)]
    if not hit:
        lost = "the list of files, so that no name is known" if listed is None else "nothing but headings"
        yield BackupFinding(name=None, problem="damaged", message=f"{damage}, which held {lost}")
    for name in hit:
        yield BackupFinding(name=name, problem="damaged", message=str(damage))


def _overlaps(file: BackupFile, damage: Damage) -> bool:
    return file.end > damage.plain_from and (damage.plain_to is None or file.start < damage.plain_to)


def _listed(stream: BinaryIO, places: list[int]) -> list[BackupFile] | None:
    """The list of files from its blocks; None when one is damaged or cut off."""
    found = [block_at(stream, at) for at in places]
    data = io.BytesIO(b"".join(block.plain() for block in found if block is not None))
    try:
        with tarfile.open(fileobj=data, mode="r|") as archive:
            entry = archive.next()
            opened = archive.extractfile(entry) if entry is not None and entry.name == MANIFEST_ENTRY else None
            return BackupManifest.model_validate(json.loads(opened.read())).files if opened else None
    except (tarfile.TarError, ValueError):
        return None
