"""``@stage``: makes a pure function over datasets a cached, resumable, receipted Prefect task."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from prefect.cache_policies import CacheKeyFnPolicy
from prefect.client.schemas.objects import State

from millrace.datasets.canonical import sha256_json
from tasks.calls import identity_of, refs_in
from tasks.run import in_prefect
from tasks.serializers import read_plain_json_only
from tasks.steps import Step, StepFunction, StepResult

P = ParamSpec("P")
R = TypeVar("R")

read_plain_json_only()


class Stage(StepFunction[P, R]):
    """A pure function with its wrapper; call it inside a flow, or its ``function`` anywhere."""

    step_type = "stage"

    def __init__(self, function: Callable[P, R], retries: int) -> None:
        super().__init__(
            function,
            retries,
            cache_policy=CacheKeyFnPolicy(cache_key_fn=_cache_key),
            persist_result=True,
            result_serializer="json",
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        step = self._next_step(args, kwargs)
        pinned = step.run.pinned(step.name)
        key = pinned["key"] if pinned else content_key(step)
        perform = functools.partial(_pinned_or_executed, step, key, pinned)
        result, cached = self._result(step, key, perform) if in_prefect() else (perform(), pinned is not None)
        output: R = step.close(key, result, cached=cached)
        return output

    def _result(self, step: Step, key: str, perform: Callable[[], StepResult]) -> tuple[StepResult, bool]:
        # Results name datasets of one home, so Prefect's key is the content key within that home.
        cache_key = sha256_json([step.run.home.identity, key])
        result, cached = self._through_prefect(step, perform, cache_key, refresh=False)
        if cached and not _outputs_exist(step, result):
            result, cached = self._through_prefect(step, perform, cache_key, refresh=True)
        return result, cached

    def _through_prefect(
        self, step: Step, perform: Callable[[], StepResult], cache_key: str, *, refresh: bool
    ) -> tuple[StepResult, bool]:
        task = self._task.with_options(task_run_name=step.name, refresh_cache=refresh)
        state: State[StepResult] = task(perform, cache_key, return_state=True)  # type: ignore[assignment]
        result: StepResult = state.result()
        return result, state.name == "Cached"


def content_key(step: Step) -> str:
    """Stage name, code, settings, input contents and numeric profile, as 64 hex digits."""
    origin = step.origin
    arguments = {name: identity_of(value) for name, value in step.arguments.items()}
    return sha256_json([origin.stage, origin.code_fingerprint, arguments, origin.numeric_profile])


def _pinned_or_executed(step: Step, key: str, pinned: dict[str, Any] | None) -> StepResult:
    """What was pinned before a pause is returned, not computed again."""
    return StepResult.model_validate(pinned["result"]) if pinned else step.execute(key)


def _cache_key(_context: Any, parameters: dict[str, Any]) -> str:
    return str(parameters["cache_key"])


def _outputs_exist(step: Step, result: StepResult) -> bool:
    """A cached result whose dataset was removed or buried is a miss."""
    output = step.signature.result_from_json(result.output)
    return all(step.run.home.datasets.exists(ref) for ref in refs_in(output))


@overload
def stage(function: Callable[P, R]) -> Stage[P, R]: ...
@overload
def stage(*, retries: int = ...) -> Callable[[Callable[P, R]], Stage[P, R]]: ...
def stage(function: Callable[P, R] | None = None, *, retries: int = 3) -> Any:
    """Make a pure function a stage.

    Its parameters are dataset refs, source refs, block names and closed settings models; it returns a dataset ref, or
    a frozen model of them with plain facts.

    Args:
        retries: tries after the first, for errors that may heal only; backing off 1, 2, 4 ... s with jitter.
    """
    if function is not None:
        return Stage(function, retries)
    return lambda undecorated: Stage(undecorated, retries)
