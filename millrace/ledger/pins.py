"""Pins: what a run resolved at its start and works on ever after."""

from collections.abc import Mapping

from sqlalchemy import select

from millrace.ledger.schema import Json, pins
from millrace.ledger.store import Ledger, insert_new


def pin(ledger: Ledger, run_id: str, name: str, value: Json) -> Json:
    """Pin a value under the run, unless the name is pinned already.

    Returns:
        What is pinned, read back from JSON (a tuple comes as a list, a record as a dict): the first value
        ever given, whoever gave it.

    Raises:
        BadInputError: the value has no JSON form.
    """
    return pin_all(ledger, run_id, {name: value})[name]


def pin_all(ledger: Ledger, run_id: str, values: Mapping[str, Json]) -> dict[str, Json]:
    """Pin several values in one transaction; returns what is pinned under the same names."""
    rows = [{"run_id": run_id, "name": name, "value": values[name]} for name in sorted(values)]
    with ledger.write() as connection:
        insert_new(connection, pins, rows)
        pinned = pins_of(ledger, run_id)
    return {name: pinned[name] for name in values}


def pins_of(ledger: Ledger, run_id: str) -> dict[str, Json]:
    """Everything pinned under the run, by name in order; empty when nothing is."""
    query = select(pins.c.name, pins.c.value).where(pins.c.run_id == run_id)
    with ledger.read() as connection:
        rows = connection.execute(query).all()
    return {row.name: row.value for row in sorted(rows, key=lambda row: row.name)}


def pins_named(ledger: Ledger, name: str) -> dict[str, Json]:
    """What runs pinned under this name, by run id in order; runs that did not are not among them."""
    query = select(pins.c.run_id, pins.c.value).where(pins.c.name == name).order_by(pins.c.run_id)
    with ledger.read() as connection:
        return {row.run_id: row.value for row in connection.execute(query)}
