"""The environment of a command: set before Prefect is imported, and only where the user has not set it."""

import json
import os
from pathlib import Path

HOME_VARIABLE = "MILLRACE_HOME"
DEFAULT_HOME = ".millrace"
SERVER_FILE = "server.json"

_FIXED = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # what its server answers while SQLite is locked; nothing changed then
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # a stored pickle is a program
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # 20 s are too few on a busy machine
}
_HEALTH_TIMEOUT_S = 2.0


def home_root(given: Path | None) -> Path:
    """The home: as given, else ``MILLRACE_HOME``, else ``.millrace`` in the working directory."""
    return (given or Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME)).absolute()


def set_variables(home: Path) -> None:
    """Name the home and keep Prefect's and the model hub's files and manners in bounds; creates nothing."""
    os.environ[HOME_VARIABLE] = str(home)
    chosen = {"PREFECT_HOME": str(home / "prefect"), "PREFECT_LOCAL_STORAGE_PATH": str(home / "results")}
    for name, value in (chosen | _FIXED).items():
        os.environ.setdefault(name, value)


def prepare(home: Path) -> None:
    """Everything that must stand before Prefect is imported and used.

    An explicit ``PREFECT_API_URL`` wins; else the server of this home's ``millrace up``, when it answers; else
    Prefect starts a temporary server of its own, over the same database.
    """
    set_variables(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)  # before a folder inside it makes it with another mode
    # Prefect's SQLite cannot open a database in a folder that is not there.
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    url = running_server(home)
    if url is not None:
        os.environ.setdefault("PREFECT_API_URL", url)


def running_server(home: Path) -> str | None:
    """The API address of this home's ``millrace up``; None when there is none or it does not answer."""
    try:
        url = str(json.loads((home / SERVER_FILE).read_bytes())["url"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return url if answers(url) else None


def answers(api_url: str) -> bool:
    """Whether a Prefect server says that it is well."""
    import urllib.request  # slow to import, and `millrace --help` does without it

    if not api_url.startswith(("http://", "https://")):
        return False
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=_HEALTH_TIMEOUT_S) as reply:  # noqa: S310  checked
            return bool(reply.status == 200)
    except (OSError, ValueError):
        return False
