"""The process behind ``millrace up`` that serves all deployments; PREFECT_API_URL names the server."""

from pathlib import Path
from typing import Any

import yaml

from apps.cli.flow_catalogue import bundled_settings, load_flow

_DEPLOYMENTS_FILE = Path(__file__).parents[2] / "prefect.yaml"
_LOOK_EVERY_S = 2  # for runs that are due; Prefect's own ten seconds are long after pressing Run or Resume


def deployments(file: Path = _DEPLOYMENTS_FILE) -> list[Any]:
    """The deployments that ``prefect.yaml`` lists, each with its schedules and its settings from ``configs/``."""
    return [_deployment(entry) for entry in yaml.safe_load(file.read_text())["deployments"]]


def _deployment(entry: dict[str, Any]) -> Any:
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    name = entry["name"]
    parameters = dict(entry.get("parameters", {}))
    if "config" in parameters:
        parameters["config"] = parameters["config"] | bundled_settings(name)
    return load_flow(name).function.to_deployment(
        name=name,
        description=entry.get("description"),
        parameters=parameters,
        schedules=[Cron(each["cron"], timezone=each["timezone"]) for each in entry.get("schedules", [])],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def main() -> None:
    """Serve until a signal comes."""
    from prefect import serve

    serve(*deployments(), pause_on_shutdown=False, print_starting_message=False, query_seconds=_LOOK_EVERY_S)


if __name__ == "__main__":
    main()
