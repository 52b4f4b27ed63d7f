"""Whether Prefect's server answers, whom it lets in, and whether Prefect's settings are safe."""

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from apps.cli.environment import SERVER_FILE, answers, running_server
from apps.cli.finding import Finding, judged

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT_S = 5.0
_KNOCK_S = 0.5  # an own address answers at once
_AUTH = "set PREFECT_SERVER_API_AUTH_STRING on the server and PREFECT_API_AUTH_STRING here"
_YES = {"1", "true", "t", "yes", "y", "on"}


def server_findings(root: Path) -> Iterator[Finding]:
    """The server that commands on this home would use."""
    given = os.environ.get("PREFECT_API_URL")
    url = given or running_server(root)
    if url is None:
        stale = (root / SERVER_FILE).is_file()
        found = (
            f"{SERVER_FILE} is there, its server does not answer" if stale else "none runs; commands start their own"
        )
        remedy = f"remove {root / SERVER_FILE}, or start `millrace up`" if stale else None
        yield judged("Prefect server", found, remedy)
        return
    if not answers(url):
        remedy = "start the server, or unset PREFECT_API_URL"
        yield judged("Prefect server", f"{url} does not answer", remedy, wrong=True)
        return
    yield judged("Prefect server", url)
    yield from _openness(url)


def settings_findings(_root: Path) -> Iterator[Finding]:
    """Settings of Prefect's that send data away, or let stored results run code."""
    telling = [
        *(["PREFECT_SERVER_ANALYTICS_ENABLED"] if _is_on("PREFECT_SERVER_ANALYTICS_ENABLED") else []),
        *(["DO_NOT_TRACK"] if "DO_NOT_TRACK" in os.environ and not _is_on("DO_NOT_TRACK") else []),
    ]
    if telling:
        found = f"Prefect reports its use to its makers: {' and '.join(telling)}"
        yield judged("telemetry", found, "PREFECT_SERVER_ANALYTICS_ENABLED=false and DO_NOT_TRACK=1, or unset both")
    serializer = os.environ.get("PREFECT_RESULTS_DEFAULT_SERIALIZER", "json")
    if serializer != "json":
        found = f"PREFECT_RESULTS_DEFAULT_SERIALIZER is {serializer}"
        why = "Millrace's flows write JSON and refuse the rest; for flows of your own, a stored pickle is a program"
        yield judged("results", found, f"set it to json, or unset it: {why}")


def _openness(url: str) -> Iterator[Finding]:
    """Prefect asks nobody who they are: whoever reaches an open server may approve, run and read everything."""
    if not _lets_anybody_in(url):
        return
    place = urlsplit(url)
    beyond = [place.hostname] if place.hostname not in _LOOPBACK else _reached_at(place.port)
    where = f"whoever reaches {', '.join(map(str, beyond))}" if beyond else "whoever can log in to this machine"
    own = "" if beyond else ", unless you alone use this machine"
    yield judged(
        "Prefect server", f"{where} may approve, run and read everything: it asks for no password", _AUTH + own
    )


def _reached_at(port: int | None) -> list[str]:
    """Addresses of this machine, beside its own loopback, at which the port answers."""
    import psutil

    found = psutil.net_if_addrs().values()
    addresses = {each.address for group in found for each in group if each.family == socket.AF_INET}
    outside = sorted(address for address in addresses if not address.startswith("127."))
    return [address for address in outside if port is not None and _is_open(address, port)]


def _is_open(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=_KNOCK_S).close()
    except OSError:
        return False
    return True


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in _YES


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
