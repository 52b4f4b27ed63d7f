import asyncio
import threading
from collections.abc import Iterator

import pytest

from millrace.adapters.background_loop import BackgroundLoop


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    background = BackgroundLoop("test-loop")
    yield background
    background.close()


async def thread_name() -> str:
    return threading.current_thread().name


async def fail() -> None:
    raise KeyError("from the loop")


def test_coroutines_run_in_one_thread_of_their_own_for_all_callers(loop: BackgroundLoop) -> None:
    names: list[str] = []
    callers = [threading.Thread(target=lambda: names.append(loop.run(thread_name()))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert names == ["test-loop"] * 4


def test_what_a_coroutine_raises_its_caller_gets(loop: BackgroundLoop) -> None:
    with pytest.raises(KeyError, match="from the loop"):
        loop.run(fail())
    assert loop.run(thread_name()) == "test-loop"


def test_closing_cancels_what_is_under_way_and_ends_the_thread() -> None:
    loop = BackgroundLoop("closing-loop")
    cancelled = threading.Event()
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def start() -> "asyncio.Task[None]":
        return asyncio.create_task(wait())

    task = loop.run(start())
    assert begun.wait(5)
    loop.close()
    assert cancelled.is_set()
    assert task.cancelled()
    assert "closing-loop" not in {thread.name for thread in threading.enumerate()}


def test_a_closed_loop_refuses_work_and_is_closed_twice_without_harm() -> None:
    loop = BackgroundLoop("closed-loop")
    loop.close()
    loop.close()
    assert loop.closed
    with pytest.raises(RuntimeError, match="closed"):
        loop.run(thread_name())
