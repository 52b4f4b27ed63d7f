"""``@effect``: makes a function with consequences a journalled Prefect task, done once per run."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from prefect.cache_policies import NO_CACHE

from millrace.ledger import journal
from tasks.run import in_prefect, utc_now
from tasks.steps import Step, StepFunction, StepResult

P = ParamSpec("P")
R = TypeVar("R")


class Effect(StepFunction[P, R]):
    """A function with consequences and its wrapper. The function must bear being run again after a crash."""

    step_type = "effect"

    def __init__(self, function: Callable[P, R], retries: int) -> None:
        super().__init__(function, retries, cache_policy=NO_CACHE, persist_result=False)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        step = self._next_step(args, kwargs)
        key = f"{step.run.run_id}/{step.name}"
        ledger = step.run.home.ledger
        state = journal.begin_effect(ledger, key, name=step.name, run_id=step.run.run_id, at=utc_now())
        done = state.status == "done"
        if done:
            result = StepResult.model_validate(state.result)
        else:
            result = self._perform(step, key)
            journal.finish_effect(ledger, key, result=result.model_dump(mode="json"), at=utc_now())
        output: R = step.close(key, result, cached=done)
        return output

    def _perform(self, step: Step, key: str) -> StepResult:
        perform = functools.partial(step.execute, key)
        return self._task.with_options(task_run_name=step.name)(perform) if in_prefect() else perform()


@overload
def effect(function: Callable[P, R]) -> Effect[P, R]: ...
@overload
def effect(*, retries: int = ...) -> Callable[[Callable[P, R]], Effect[P, R]]: ...
def effect(function: Callable[P, R] | None = None, *, retries: int = 3) -> Any:
    """Make a function with consequences an effect: journalled as intended, then done; never content-cached.

    Args:
        retries: tries after the first, for errors that may heal only.
    """
    if function is not None:
        return Effect(function, retries)
    return lambda undecorated: Effect(undecorated, retries)
