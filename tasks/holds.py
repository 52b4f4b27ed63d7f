"""What legal holds reach in a home."""

from millrace.ledger import expiry, holds, subjects
from millrace.ledger.holds import Hold
from millrace.ledger.runs import list_runs
from tasks.home import Home
from tasks.references import receipt_hashes

_ALL = 1_000_000


def held_datasets(home: Home) -> dict[str, str]:
    """Every dataset that a hold in force reaches, by content hash, with the reason in words.

    A hold on a dataset reaches it; on a run, what its receipts name as inputs or outputs and what it brought in; on a
    user or tenant, every dataset that holds them by the subject index. Of several holds the first placed is named.
    """
    found: dict[str, str] = {}
    of_runs = _catalogued(home) if holds.active(home.ledger, "run") else {}
    for hold in holds.active(home.ledger):
        for digest in sorted(_reached(home, hold, of_runs)):
            found.setdefault(digest, hold_text(hold))
    return found


def held_runs(home: Home) -> dict[str, str]:
    """Every run that a hold in force is on, or whose receipts name a dataset that one reaches, with the reason."""
    found = {hold.held: hold_text(hold) for hold in reversed(holds.active(home.ledger, "run"))}
    datasets = held_datasets(home)
    if datasets:
        for run in list_runs(home.ledger, _ALL):
            for digest in sorted(receipt_hashes(home, run.run_id) & datasets.keys()):
                found.setdefault(run.run_id, datasets[digest])
    return found


def hold_text(hold: Hold) -> str:
    """A hold in words, without whom it is about."""
    return f"legal hold {hold.hold_id} on a {hold.held_type}: {hold.reason}"


def _reached(home: Home, hold: Hold, of_runs: dict[str, set[str]]) -> set[str]:
    if hold.held_type == "dataset":
        return {hold.held}
    if hold.held_type == "run":
        return receipt_hashes(home, hold.held) | of_runs.get(hold.held, set())
    return set(subjects.datasets_of_subject(home.ledger, hold.held_type, hold.held))


def _catalogued(home: Home) -> dict[str, set[str]]:
    """The datasets that each run was the first to bring."""
    found: dict[str, set[str]] = {}
    for entry in expiry.catalogued(home.ledger):
        found.setdefault(entry.run_id, set()).add(entry.content_hash)
    return found
