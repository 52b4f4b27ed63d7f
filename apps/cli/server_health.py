"""Whether Prefect's server answers, and whom it lets in."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apps.cli.environment import SERVER_FILE, answers, running_server

if TYPE_CHECKING:
    from apps.cli.health import Finding

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT_S = 5.0


def server_findings(root: Path) -> "Iterator[Finding]":
    """The server that commands on this home would use."""
    from apps.cli.health import Finding

    given = os.environ.get("PREFECT_API_URL")
    url = given or running_server(root)
    if url is None:
        stale = (root / SERVER_FILE).is_file()
        found = (
            f"{SERVER_FILE} is there, its server does not answer" if stale else "none runs; commands start their own"
        )
        remedy = f"remove {root / SERVER_FILE}, or start `millrace up`" if stale else None
        yield Finding(subject="Prefect server", status="warning" if stale else "ok", found=found, remedy=remedy)
        return
    if not answers(url):
        remedy = "start the server, or unset PREFECT_API_URL"
        yield Finding(subject="Prefect server", status="wrong", found=f"{url} does not answer", remedy=remedy)
        return
    yield Finding(subject="Prefect server", status="ok", found=url)
    if urlsplit(url).hostname not in _LOOPBACK and _lets_anybody_in(url):
        yield Finding(
            subject="Prefect server",
            status="warning",
            found="whoever reaches it may approve, run and read everything",
            remedy="set PREFECT_SERVER_API_AUTH_STRING on the server and PREFECT_API_AUTH_STRING here",
        )


def _lets_anybody_in(url: str) -> bool:
    request = urllib.request.Request(  # noqa: S310  it answered to http already
        f"{url}/flow_runs/count", data=b"{}", headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except urllib.error.HTTPError as error:
        return error.code not in (401, 403)
    except OSError:
        return False
