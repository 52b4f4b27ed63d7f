"""PDF files: the text of each page, read in a process of its own with bounded processor time and memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from millrace.errors import BadInputError, UnavailableError
from millrace.ingestion import pdf_process
from millrace.ingestion.extracted import Extracted
from millrace.records.document import Mark

CPU_SECONDS = 120  # of one file; pypdf reads some 20 to 100 pages a second
MEMORY_BYTES = 2 * 2**30
MAX_CHARACTERS = 64 * 2**20


class PdfReader:
    """Reads PDF files one after the other. Its process starts with the first and ends with the context."""

    def __init__(self, cpu_seconds: int = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        limits = [str(limit) for limit in (cpu_seconds, memory_bytes, MAX_CHARACTERS)]
        self._command = [sys.executable, "-P", "-W", "ignore", pdf_process.__file__, *limits]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, path: Path) -> Extracted:
        """The pages' texts, separated by blank lines, each under a heading ``Page n``; title as the file says.

        A page without text is set aside with reason ``page_without_text``, its line the page's number.

        Raises:
            BadInputError: reason ``encrypted``, ``broken_file``, ``too_large``, ``too_costly`` or ``no_text``.
            UnavailableError: the process does not run.
        """
        answer = self._answer(path)
        if "reason" in answer:
            raise BadInputError(f"the file {answer['message']}", reason=answer["reason"])
        return _extracted([_mended(page) for page in answer["pages"]], _mended(answer["title"]))

    def _answer(self, path: Path) -> Mapping[str, Any]:
        process = self._process = self._process or self._start()
        paths, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            paths.write(json.dumps(str(path.absolute())) + "\n")
            paths.flush()
            answer: dict[str, Any] = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            code, complaint = self._stop()
            if code >= 0:  # not ended by a signal
                raise UnavailableError(f"the process that reads PDF files ended with {code}: {complaint}") from error
            return {"reason": "too_costly", "message": "takes too much processor time or memory to read"}
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def _stop(self) -> tuple[int, str]:
        """Its exit code, negative after a signal, and the last line of what it complained of."""
        process, self._process = self._process, None
        if process is None:
            return 0, ""
        try:
            _, complaint = process.communicate(timeout=5)  # its input ends, and with it the process
        except (subprocess.TimeoutExpired, OSError):
            process.kill()
            _, complaint = process.communicate()
        return process.returncode, complaint.strip().rpartition("\n")[2]


def _extracted(pages: list[str], title: str) -> Extracted:
    pieces: list[str] = []
    marks: list[Mark] = []
    skips: list[BadInputError] = []
    length = 0
    for number, page in enumerate(pages, start=1):
        if not page:
            message = f"page {number} has no text; a scan needs text recognition first"
            skips.append(BadInputError(message, reason="page_without_text", line=number))
            continue
        marks.append(Mark(kind="heading", start=length, end=length, level=1, title=f"Page {number}"))
        pieces.append(page)
        length += len(page) + 2
    if not pieces:
        message = f"none of its {len(pages)} pages has text; a scan needs text recognition first"
        raise BadInputError(message, reason="no_text")
    return Extracted("\n\n".join(pieces), " ".join(title.split()), "text", tuple(marks), tuple(skips))


def _mended(text: str) -> str:
    """Without lone surrogates and null characters, which broken fonts lead to; line feeds as line ends."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()
