"""What stages and effects share: the context a step runs in, and the receipt it leaves."""

import functools
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Task
from prefect.runtime import task_run
from prefect.tasks import exponential_backoff
from pydantic import BaseModel

from millrace.adapters.numeric_profile import numeric_profile
from millrace.datasets.manifest import Origin
from millrace.errors import BadInputError, UnavailableError
from millrace.records.receipt import Receipt, StepCounts, StepType
from tasks.calls import Signature, function_name, refs_in, settings_hash
from tasks.catalogue import catalogue_outputs
from tasks.fingerprint import code_fingerprint, git_commit
from tasks.logs import log_context
from tasks.processes import give_back_memory
from tasks.receipts import receipt_markdown, write_receipt
from tasks.run import Run, current_run, in_prefect, log, show_in_prefect, utc_now

P = ParamSpec("P")
R = TypeVar("R")

_context: ContextVar["StepContext"] = ContextVar("millrace-step")


@dataclass(frozen=True)
class StepContext:
    """What a running step may use: its run, its key, and the origin its datasets will name."""

    run: Run
    key: str
    origin: Origin
    writes: Iterator[int] = field(default_factory=itertools.count)

    def next_build(self) -> str:
        """Names the datasets being built by one call of ``write_parts``, the same on re-entry."""
        return f"{self.key.replace('/', '-')}-{next(self.writes)}"


class StepResult(BaseModel):
    """What a step returns to its wrapper, and what Prefect persists of a stage: refs and facts, never data."""

    output: Any
    attempts: int
    started_at: datetime
    duration_s: float


@dataclass(frozen=True)
class Step:
    """One call of a stage or effect within a run."""

    run: Run
    name: str
    step_type: StepType
    function: Callable[..., Any]
    signature: Signature
    arguments: dict[str, Any]

    @cached_property
    def origin(self) -> Origin:
        return Origin(
            stage=function_name(self.function),
            code_fingerprint=code_fingerprint(self.function.__module__),
            settings_hash=settings_hash(self.arguments),
            inputs=[ref.name for ref in refs_in(self.arguments)],
            numeric_profile=numeric_profile(),
        )

    def execute(self, key: str) -> StepResult:
        """Call the function in its context; every output it names must exist when it returns."""
        started_at, start = utc_now(), perf_counter()
        with _in_context(StepContext(self.run, key, self.origin)), log_context(step=self.name):
            output = self.function(**self.arguments)
        give_back_memory()
        return StepResult(
            output=self.signature.result_to_json(output),
            attempts=int(task_run.run_count or 1) if in_prefect() else 1,
            started_at=started_at,
            duration_s=perf_counter() - start,
        )

    def close(self, key: str, result: StepResult, *, cached: bool) -> Any:
        """Catalogue the outputs, write the receipt, and give back the output as the function's own type."""
        output = self.signature.result_from_json(result.output)
        catalogue_outputs(self.run, list(refs_in(self.arguments)), list(refs_in(output)))
        receipt = self._receipt(key, result, output, cached=cached)
        write_receipt(self.run, receipt)
        self.run.produced[self.name] = {"key": key, "result": result.model_dump(mode="json")}
        verb = "from cache" if cached else f"in {result.duration_s:.1f} s"
        counts, about = receipt.counts, {"step": self.name}
        log().info("%s: %d rows in, %d out, %s", self.name, counts.rows_in, counts.rows_out, verb, extra=about)
        if not cached:
            show_in_prefect(receipt_markdown(receipt), f"receipt-{self.name}", self.name)
        return output

    def _receipt(self, key: str, result: StepResult, output: Any, *, cached: bool) -> Receipt:
        inputs, outputs = list(refs_in(self.arguments)), list(refs_in(output))
        return Receipt(
            run_id=self.run.run_id,
            step=self.name,
            step_type=self.step_type,
            function=function_name(self.function),
            key=key,
            **self.origin.model_dump(include={"code_fingerprint", "settings_hash", "numeric_profile", "inputs"}),
            arguments=self.signature.to_json(self.arguments),
            outputs=[ref.name for ref in outputs],
            output=result.output,
            counts=StepCounts(
                rows_in=sum(ref.rows for ref in inputs),
                rows_out=sum(ref.rows for ref in outputs if ref.kind not in ("skips", "quarantine")),
                rows_skipped=sum(ref.rows for ref in outputs if ref.kind == "skips"),
                rows_quarantined=sum(ref.rows for ref in outputs if ref.kind == "quarantine"),
            ),
            cached=cached,
            attempts=result.attempts,
            git_sha=git_commit(Path(__file__).parent),
            started_at=result.started_at,
            duration_s=result.duration_s,
        )


def step_context() -> StepContext:
    """The context of the running step.

    Raises:
        BadInputError: called outside a stage or effect.
    """
    try:
        return _context.get()
    except LookupError:
        raise BadInputError("datasets are written inside a stage or effect") from None


@contextmanager
def _in_context(context: StepContext) -> Iterator[None]:
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


def may_heal(_task: Any, _task_run: Any, state: Any) -> bool:
    """Retry only what may heal: a service that was unavailable."""
    error = state.result(raise_on_failure=False)
    healing = isinstance(error, UnavailableError | ConnectionError | TimeoutError)
    if healing:
        log().warning("will be tried again: %s", error)
    return healing


def perform_step(perform: Callable[[], StepResult], cache_key: str = "") -> StepResult:
    """The body of every step's Prefect task; ``cache_key`` is there for Prefect's cache policy to read."""
    return perform()


class StepFunction(Generic[P, R]):
    """A function with what stages and effects share: its name, its signature, and the Prefect task that carries it."""

    step_type: StepType

    def __init__(self, function: Callable[P, R], retries: int, **task_options: Any) -> None:
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.function = function
        self.name = function.__name__.replace("_", "-")
        self.signature = Signature(function)
        self._task: Task[..., StepResult] = Task(
            fn=perform_step,
            name=self.name,
            description=function.__doc__,
            retries=retries,
            retry_delay_seconds=exponential_backoff(backoff_factor=1),
            retry_jitter_factor=0.5,
            retry_condition_fn=may_heal,
            **task_options,
        )

    def _next_step(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        """This call, as the next step of the current run."""
        run = current_run()
        arguments = self.signature.bind(args, kwargs)
        return Step(run, run.next_step(self.name), self.step_type, self.function, self.signature, arguments)
