"""The process in which PDF files are read: ``python pdf_process.py CPU_SECONDS MEMORY_BYTES CHARACTERS``.

A PDF is a program for a page, and a broken or hostile one can keep any reader busy for ever. So files are read in a
process that the operating system ends when it takes too much processor time or memory: unlike a clock on the wall,
that does not depend on what else the machine does.

Reads paths from standard input, one JSON text a line, and answers each with one line: ``{"title", "pages"}``, or
``{"reason", "message"}``. Imports nothing of Millrace, so that it starts fast.
"""

import json
import logging
import resource
import sys
from contextlib import suppress
from typing import Any


def main() -> None:
    """Answer until the input ends."""
    cpu_seconds, memory_bytes, max_characters = (int(argument) for argument in sys.argv[1:])
    logging.disable(logging.CRITICAL)  # pypdf tells of every flaw that it mends
    with suppress(ValueError, OSError):  # not every system can limit memory
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    for line in sys.stdin:
        _allow(cpu_seconds)
        sys.stdout.write(json.dumps(answer(json.loads(line), max_characters)) + "\n")
        sys.stdout.flush()


def answer(path: str, max_characters: int) -> dict[str, Any]:
    """The pages' texts, or why there are none."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            return _refused("encrypted", "needs a password; save the file without one")
        pages: list[str] = []
        for page in reader.pages:
            pages.append(page.extract_text())
            max_characters -= len(pages[-1])
            if max_characters < 0:
                return _refused("too_large", "unpacks to more text than is read")
        title = reader.metadata.title if reader.metadata else None
        return {"title": title if isinstance(title, str) else "", "pages": pages}
    except (FileNotDecryptedError, DependencyError):
        return _refused("encrypted", "is encrypted in a way that cannot be read; save the file without encryption")
    except (MemoryError, LimitReachedError):
        return _refused("too_large", "unpacks to more than is read")
    except (Exception, RecursionError) as error:  # pypdf raises whatever a broken file leads it to
        return _refused("broken_file", f"is not a PDF that can be read ({type(error).__name__})")


def _allow(cpu_seconds: int) -> None:
    """The process is ended when the next file takes longer."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _refused(reason: str, message: str) -> dict[str, Any]:
    return {"reason": reason, "message": message}


if __name__ == "__main__":
    main()
