"""What is disturbed: one part a flow, played without Prefect's engine in a home that was prepared for it.

Another flow is one line of :data:`PARTS`: the name of its deployment, and a function of the inputs and the home that
runs it from its start to its end, people's answers included, and goes on with it when it is called again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tasks.release_gates
import tasks.release_verification
from flows.acceptance import AcceptanceConfig, acceptance
from flows.audit import AuditConfig, audit
from flows.import_feedback import ImportFeedbackConfig, import_feedback
from flows.release_freeze import ReleaseFreezeConfig
from tasks.home import Home
from tests.support import acceptance as fixture
from tests.support import days, distilled, erasures, old_home, replays, retention_enforcer, wheel
from tests.support.approving import decide
from tests.support.inputs import synthetic_traces, write_inputs, write_lines

Play = Callable[[Path, Path], None]
COUNTED_BY_AN_ERASURE = ("counts", "arguments", "settings_hash", "eval_reports/erasure")
QUICK_GATES = [{"name": "acceptance", "argv": ["true"]}, {"name": "audit", "argv": ["true"]}]


def _nothing(inputs: Path, home: Path) -> None:
    """An empty home is enough."""


@dataclass(frozen=True)
class Part:
    """One flow.

    Args:
        flow: its deployment's name.
        play: runs it; the working directory is the home.
        prepare: what must be in the home before.
        apart_from: beginnings of names (fields, files) that are not compared: they count what one entry did, so that a
            run that goes on counts the rest.
    """

    flow: str
    play: Play
    prepare: Play = _nothing
    apart_from: tuple[str, ...] = ()


def write_all_inputs(folder: Path) -> Path:
    """The files that the parts read."""
    write_inputs(folder)
    ratings = ("up", "down", "down", "sideways")
    time = "2026-11-14T08:00:00Z"
    said = [
        {"trace_id": f"trace-{number:04d}", "tenant_id": "mill", "user_id": "uma", "time": time, "rating": rating}
        for number, rating in enumerate(ratings * 3)
    ]
    write_lines(folder / "feedback.jsonl", said)
    replays.write_tasks(folder)
    return folder


def _import_traces(inputs: Path, home: Path) -> None:
    wheel.import_file(inputs / "traces.jsonl")


def _import_feedback(inputs: Path, home: Path) -> None:
    import_feedback.fn(ImportFeedbackConfig(file=str(inputs / "feedback.jsonl")), run_id="feedback")


def _ingest_documents(inputs: Path, home: Path) -> None:
    wheel.ingest(inputs)


def _answer_questions(inputs: Path, home: Path) -> None:
    wheel.answer(inputs)


def _turn_the_wheel(inputs: Path, home: Path) -> None:
    wheel.decide_week()


def _evaluate_a_day(inputs: Path, home: Path) -> None:
    days.evaluate(0)


def _import_a_day(inputs: Path, home: Path) -> None:
    days.bring(home, 0, days.day_traces(0, 40, shuffled=True))


def _distil(inputs: Path, home: Path) -> None:
    fixture.distilled_in(home)


def _accept(inputs: Path, home: Path) -> None:
    acceptance.fn(AcceptanceConfig(as_of=days.FIRST_DAY), run_id="acceptance")


def _audit(inputs: Path, home: Path) -> None:
    audit.fn(AuditConfig(as_of=days.FIRST_DAY, acceptance=False), run_id="audit")


def _export_knowledge(inputs: Path, home: Path) -> None:
    replays.distilled()


def _replay(inputs: Path, home: Path) -> None:
    replays.replayed(inputs / "tasks.jsonl", store="embedded")


def _prepare_a_release(inputs: Path, home: Path) -> None:
    distilled.prepare(Home(home))
    distilled.new_repository(home / "repository")


def _freeze(inputs: Path, home: Path) -> None:
    """Ask, decide, publish, tag."""
    fixed_durations()
    for _ in range(2):
        distilled.freeze(repository="repository", gates=QUICK_GATES)
        distilled.decide()


def freeze_config() -> ReleaseFreezeConfig:
    return distilled.freeze_config(repository="repository", gates=QUICK_GATES)


def fixed_durations() -> None:
    """How long the gates of a release took is part of what is signed, so that it is always the same."""
    for module in (tasks.release_gates, tasks.release_verification):
        setattr(module, "perf_counter", lambda: 0.0)  # noqa: B010  a name that the module imported


def _fill_with_two_people(inputs: Path, home: Path) -> None:
    """A week with traces of the one who asks to be forgotten, of another, and of strangers."""
    traces = [*synthetic_traces(4), *erasures.planted_traces(erasures.THEM, 2)]
    traces += erasures.planted_traces(erasures.OTHER, 2)
    wheel.import_file(write_lines(home / "two-people.jsonl", traces))
    wheel.decide_week()
    erasures.requested(Home(home))


def _erase(inputs: Path, home: Path) -> None:
    for _ in range(2):
        erasures.entered(as_of=erasures.REQUESTED_AT)
        wheel.approve(erasures.ERASE)


def _grow_old(inputs: Path, home: Path) -> None:
    retention_enforcer.old_home(Home(home))
    old_home.rules_file(home)


def _enforce_retention(inputs: Path, home: Path) -> None:
    for _ in range(2):
        old_home.enforce(Home(home), dry_run=False, rules="days.yaml", reports_folder="eval_reports")
        decide(Home(home), old_home.RUN, at=old_home.NOW)


PARTS = {
    part.flow: part
    for part in (
        Part("import-traces", _import_traces),
        Part("import-feedback", _import_feedback, _import_traces),
        Part("ingest-documents", _ingest_documents),
        Part("answer-questions", _answer_questions, _ingest_documents),
        Part("weekly-flywheel", _turn_the_wheel, wheel.bring_in),
        Part("daily-eval", _evaluate_a_day, _import_a_day),
        Part("distill", _distil),
        Part("acceptance", _accept),
        Part("audit", _audit, _distil),
        Part("replay", _replay, _export_knowledge),
        Part("release-freeze", _freeze, _prepare_a_release),
        Part("erase-user", _erase, _fill_with_two_people, apart_from=COUNTED_BY_AN_ERASURE),
        Part("enforce-retention", _enforce_retention, _grow_old),
    )
}
