"""The weekly flow as a deployment of its own process, over hashed words; it serves until it is killed."""

from typing import Any

from prefect import serve
from prefect.types.entrypoint import EntrypointType

from flows.weekly_flywheel import weekly_flywheel
from tests.support import embedder

embedder.install()

if __name__ == "__main__":
    deployment: Any = weekly_flywheel.to_deployment(name="faults", entrypoint_type=EntrypointType.MODULE_PATH)
    deployment.entrypoint = "tests.faults.served.weekly_flywheel"
    serve(deployment, pause_on_shutdown=False, print_starting_message=False, query_seconds=1)
