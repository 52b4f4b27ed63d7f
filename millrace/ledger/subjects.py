"""The subject index: which datasets hold which user or tenant, so that erasure can find them."""

import hashlib
import hmac
from collections.abc import Iterable

from sqlalchemy import literal, select

from millrace.errors import BadInputError
from millrace.ledger.schema import SubjectType, subjects, tombstones
from millrace.ledger.store import Ledger, insert_for, insert_new


def keyed_hash(key: bytes, subject_type: SubjectType, subject_id: str) -> str:
    """HMAC-SHA256 of type and id, 64 hex digits: the index names nobody without the key.

    Raises:
        BadInputError: an empty key.

    Source:
        Krawczyk, Bellare and Canetti (1997), RFC 2104.
    """
    if not key:
        raise BadInputError("the key of the subject index is empty")
    return hmac.new(key, f"{subject_type}\0{subject_id}".encode(), hashlib.sha256).hexdigest()


def index_subjects(ledger: Ledger, content_hash: str, held: Iterable[tuple[SubjectType, str]]) -> None:
    """Note whom a dataset holds, as pairs of type and keyed hash; what is noted already stays."""
    rows = [
        {"subject_type": subject_type, "subject_hash": subject_hash, "content_hash": content_hash}
        for subject_type, subject_hash in sorted(set(held))  # in key order, which is how the table is stored
    ]
    with ledger.write() as connection:
        insert_new(connection, subjects, rows)


def inherit_subjects(ledger: Ledger, content_hash: str, parents: Iterable[str]) -> None:
    """Note that a dataset holds everybody whom the datasets it was made from hold."""
    columns = (subjects.c.subject_type, subjects.c.subject_hash)
    held = select(*columns, literal(content_hash)).where(subjects.c.content_hash.in_(sorted(set(parents)))).distinct()
    with ledger.write() as connection:
        names = [column.name for column in (*columns, subjects.c.content_hash)]
        connection.execute(insert_for(connection, subjects).from_select(names, held).on_conflict_do_nothing())


def datasets_of_subject(ledger: Ledger, subject_type: SubjectType, subject_hash: str) -> list[str]:
    """Content hashes of the datasets that hold the subject, sorted; buried ones are left out."""
    buried = select(tombstones.c.content_hash)
    query = select(subjects.c.content_hash).where(
        subjects.c.subject_type == subject_type,
        subjects.c.subject_hash == subject_hash,
        subjects.c.content_hash.not_in(buried),
    )
    with ledger.read() as connection:
        return sorted(connection.execute(query).scalars())
