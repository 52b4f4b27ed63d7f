"""Tells people that a run waits for them."""

from prefect.runtime import task_run
from prefect.utilities.urls import url_for

from blocks.names import NotificationName
from millrace.errors import BadInputError, UnavailableError
from millrace.ledger import approvals
from millrace.ledger.schema import Json
from millrace.ledger.tasks import tasks
from millrace.records.base import Identifier, Record
from tasks.effect import effect
from tasks.run import Run, current_run, in_prefect, log

SHOWN_HASH = 16  # digits; all 64 would be cut off at the form's right edge
N_RETRIES = 3


class Asking(Record):
    """What a run asks of a person, as far as it may be sent anywhere: no text of a trace is in it."""

    key: Identifier
    title: str
    pinned_hash: str
    minimum_completed: int = 0
    extended: bool = False


class Notice(Record):
    """Whether people were told, and if not, why not."""

    block: Identifier
    sent: bool
    problem: str | None = None


def check_notification(notify: NotificationName | None) -> None:
    """Fail before any work when nobody could be told; a run that has asked already is left alone.

    Raises:
        NotFoundError: no such block, or one that cannot notify.
        UnavailableError: Prefect's API does not answer.
    """
    asked = any(name.startswith("steps-") for name in current_run().pins)
    if notify is not None and not asked and in_prefect():
        notify.check()


@effect(retries=N_RETRIES)
def notify_person(notify: NotificationName, asking: Asking) -> Notice:
    """Say once for each asking that the run waits; killed between sending and noting it, it may say so again.

    A receiver that is down is tried again; in the end there is a warning and the run waits all the same.
    """
    run = current_run()
    if _is_decided(run, asking.key):
        return Notice(block=notify.name, sent=False, problem="it was decided before anybody was told")
    try:
        notify.notify(asking.title, message(run, asking))
    except UnavailableError as error:
        if in_prefect() and int(task_run.run_count or 1) <= N_RETRIES:
            raise
        return _not_sent(notify, error)
    except BadInputError as error:
        return _not_sent(notify, error)
    return Notice(block=notify.name, sent=True)


def message(run: Run, asking: Asking) -> str:
    """Run, pinned hash, how much there is to answer, and how to decide; plain text."""
    again = " It was given more time before." if asking.extended else ""
    link = _page_of(run, asking.key)
    lines = [
        f"{asking.title} Run {run.run_id} waits for your decision.{again}",
        f"Pinned: {asking.pinned_hash[:SHOWN_HASH]}",
        _effort(run, asking.minimum_completed),
        "Answer: millrace annotate next",
        f"Decide: millrace approve {run.run_id}",
        *([f"Or press Resume on {link}"] if link else []),
    ]
    return "\n".join(lines)


def _effort(run: Run, minimum_completed: int) -> str:
    asked = tasks(run.home.ledger, run.run_id)
    minutes = sum(_minutes(task.payload) for task in asked if task.status in ("pending", "claimed"))
    n_answered = sum(task.status == "completed" for task in asked)
    needed = f"; an approval needs {minimum_completed}" if minimum_completed else ""
    return f"Tasks: {len(asked)}, {n_answered} answered{needed}; about {minutes:.0f} minutes left"


def _minutes(payload: Json) -> float:
    return float(payload.get("estimated_minutes", 0.0)) if isinstance(payload, dict) else 0.0


def _page_of(run: Run, key: str) -> str | None:
    """The run's page, when Prefect knows where its user interface is."""
    asked = {each.key: each.prefect_run_id for each in approvals.approvals_of(run.home.ledger, run.run_id)}
    return url_for("flow-run", obj_id=asked[key]) if asked.get(key) else None


def _is_decided(run: Run, key: str) -> bool:
    return approvals.decision_of(run.home.ledger, run.run_id, key) is not None


def _not_sent(notify: NotificationName, error: Exception) -> Notice:
    log().warning("nobody was told that this run waits: %s", error)
    return Notice(block=notify.name, sent=False, problem=str(error))
