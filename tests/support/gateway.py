"""A local OpenAI-compatible gateway that plays what it is told: replies, faults, limits and a fixed latency.

In a thread of this process (``with PlayedGateway(script) as gateway``), or as a process of its own that prints its
port: ``python -m tests.support.gateway --latency-ms 300``; that one answers every question and tells ``GET /stats``.
"""

import argparse
import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

KEY = "sk-played-gateway-0123456789"


@dataclass(frozen=True)
class Asked:
    """One request: its body, how many came before it, and how often the same body came before."""

    body: dict[str, Any]
    headers: dict[str, str]
    number: int
    n_same: int

    @property
    def question(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])

    @property
    def mode(self) -> str | None:
        """How JSON was asked for."""
        wanted = self.body.get("response_format")
        return str(wanted["type"]) if wanted else None


@dataclass(frozen=True)
class Play:
    """What the gateway does with a request: a reply with this text unless something else is said."""

    text: str | None = "yes"
    status: int = 200
    error: str = "played"
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False  # the connection, before a byte was sent
    raw: bytes | None = None  # a body of its own
    choices: bool = True
    finish: str = "stop"
    refusal: str | None = None
    usage: bool = True
    n_input: int | None = None  # by default one token a word
    n_output: int | None = None
    n_cached: int = 0
    served_as: str | None = None  # the model's name in the reply


Script = Callable[[Asked], Play]

BUSY = Play(status=429, headers={"retry-after": "0.05"})
BROKEN = Play(status=500)
CUT = Play(cut=True)
EMPTY = Play(text=None)
NO_CHOICE = Play(choices=False)
BROKEN_BODY = Play(raw=b'{"choices": [')


def always(play: Play) -> Script:
    return lambda asked: play


def in_turn(*plays: Play) -> Script:
    """The n-th time a question is asked it meets the n-th play; the last one stays."""
    return _InTurn(plays)


def sequence(*plays: Play) -> Script:
    """The n-th request, whatever it asks, meets the n-th play; the last one stays."""
    return lambda asked: plays[min(asked.number, len(plays) - 1)]


class _InTurn:
    def __init__(self, plays: Sequence[Play]) -> None:
        self._plays = plays
        self._times: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Play:
        first = next(message["content"] for message in asked.body["messages"] if message["role"] == "user")
        self._times[first] += 1
        return self._plays[min(self._times[first], len(self._plays)) - 1]


class PlayedGateway:
    """Keeps every request and what it billed; ``with`` serves it in a thread."""

    def __init__(self, script: Script | None = None, latency_s: float = 0.0, port: int = 0) -> None:
        self.script = script or always(Play())
        self.latency_s = latency_s
        self.requests: list[Asked] = []
        self.billed: list[tuple[int, int]] = []  # input and output tokens of each reply that was sent
        self.in_flight = self.peak_in_flight = 0
        self._same: Counter[str] = Counter()
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def questions(self) -> list[str]:
        return [asked.question for asked in self.requests]

    async def listen(self) -> int:
        """Serve in the running loop; returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def _hang_up(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if head[0].startswith("GET /stats"):
            _send(writer, 200, {}, json.dumps(self.stats()).encode())
            return True
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self._play(json.loads(body), headers, writer)
        finally:
            self.in_flight -= 1

    async def _play(self, body: dict[str, Any], headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        content = json.dumps(body, sort_keys=True)
        asked = Asked(body, headers, len(self.requests), self._same[content])
        self._same[content] += 1
        self.requests.append(asked)
        play = self.script(asked)
        await asyncio.sleep(self.latency_s + play.delay_s)
        if play.cut:
            writer.transport.abort()
            return False
        if play.raw is not None:
            _send(writer, play.status, play.headers, play.raw)
        elif play.status != 200:
            error = {"message": play.error, "type": "played", "code": play.code}
            _send(writer, play.status, play.headers, json.dumps({"error": error}).encode())
        else:
            _send(writer, 200, play.headers, json.dumps(self._completion(asked, play)).encode())
        return True

    def _completion(self, asked: Asked, play: Play) -> dict[str, Any]:
        said = " ".join(str(message["content"]) for message in asked.body["messages"])
        n_input = play.n_input if play.n_input is not None else len(said.split())
        n_output = play.n_output if play.n_output is not None else len((play.text or "").split())
        self.billed.append((n_input, n_output))
        message = {"role": "assistant", "content": play.text, "refusal": play.refusal}
        usage = {
            "prompt_tokens": n_input,
            "completion_tokens": n_output,
            "total_tokens": n_input + n_output,
            "prompt_tokens_details": {"cached_tokens": play.n_cached},
        }
        return {
            "id": f"played-{asked.number}",
            "object": "chat.completion",
            "created": 0,
            "model": play.served_as or asked.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": play.finish}] if play.choices else [],
        } | ({"usage": usage} if play.usage else {})

    def stats(self) -> dict[str, int]:
        return {
            "n_requests": len(self.requests),
            "peak_in_flight": self.peak_in_flight,
            "input_tokens": sum(n_input for n_input, _ in self.billed),
            "output_tokens": sum(n_output for _, n_output in self.billed),
        }


def _send(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes) -> None:
    lines = [f"HTTP/1.1 {status} played", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)


def refused_url() -> str:
    """An address at which nobody listens."""
    with PlayedGateway() as gateway:
        return gateway.url


async def _serve_for_ever(latency_s: float) -> None:
    gateway = PlayedGateway(lambda asked: Play(text=f"Reply to {asked.question}"), latency_s)
    sys.stdout.write(f"{await gateway.listen()}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-ms", type=float, default=0.0)
    asyncio.run(_serve_for_ever(parser.parse_args().latency_ms / 1000))
