"""Lets the groundedness scorer learn from what people answered, and publishes it by pointer."""

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.ledger import pointers
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.groundedness_gate import RefitConfig
from millrace.methods.groundedness_refit import RefitOutcome, refit_groundedness
from millrace.records.base import Identifier, Record
from tasks.annotation import Answers
from tasks.effect import effect
from tasks.parts import read_dataset
from tasks.run import Run, current_run
from tasks.stage import stage
from tasks.tables import groundedness_model

POINTER = "scorer/groundedness"


class ActiveScorer(Record):
    """The scorer in use, and the ids of the tasks whose labels it was fitted on; none for the one that was shipped."""

    model: GroundednessModel
    fitted_on: list[Identifier]


class PublishedScorer(Record):
    """Which scorer is in use now, and why."""

    published: bool
    source: Identifier
    reason: str


@effect
def read_active_scorer() -> ActiveScorer:
    """The scorer that was published last, or the one that was shipped."""
    return _active(current_run())


@stage
def refit_scorer(
    current: ActiveScorer,
    shipped: GroundednessModel,
    labels: Answers,
    embedder: EmbedderName,
    config: RefitConfig,
) -> RefitOutcome:
    """Fit the scorer to all labels, and compare it with the one in use on labels that neither has seen."""
    return refit_groundedness(
        read_dataset(labels.tasks).to_arrow(),
        read_dataset(labels.annotations).to_arrow(),
        current=current.model,
        first=shipped,
        seen_by_current=current.fitted_on,
        embedder=open_embedder(embedder.name),
        config=config,
    )


@effect
def publish_scorer(current: ActiveScorer, outcome: RefitOutcome) -> PublishedScorer:
    """Use the refitted scorer from the next run on, when it is better and no other run published meanwhile."""
    if not outcome.better or outcome.model is None:
        return PublishedScorer(published=False, source=current.model.source, reason=outcome.reason)
    run = current_run()
    refitted = ActiveScorer(model=outcome.model, fitted_on=outcome.fitted_on)
    with run.home.ledger.write():  # no other run publishes between the look and the pointer
        now = _active(run)
        if now not in (current, refitted):
            reason = f"another run published {now.model.source} meanwhile; the labels are compared with it next time"
            return PublishedScorer(published=False, source=now.model.source, reason=reason)
        if now != refitted:
            value = refitted.model_dump(mode="json")
            pointers.set_pointer(run.home.ledger, POINTER, value, at=run.now, run_id=run.run_id)
    return PublishedScorer(published=True, source=outcome.model.source, reason=outcome.reason)


def _active(run: Run) -> ActiveScorer:
    pointer = pointers.pointer(run.home.ledger, POINTER)
    if pointer is None:
        return ActiveScorer(model=groundedness_model(), fitted_on=[])
    return ActiveScorer.model_validate(pointer.value)
