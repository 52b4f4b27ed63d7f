"""Enters a flow as ``millrace run`` and ``millrace resume`` do; dies where its second argument says.

That argument is a JSON list of kinds of operations and pieces of paths: it dies at the last of them, once the others
have happened in that order. None of them: it lives.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.release_freeze import release_freeze
from flows.weekly_flywheel import weekly_flywheel
from tests.faults.parts import fixed_durations, freeze_config
from tests.support import distilled, embedder, wheel
from tests.support.kills import Event, Killer

ENTRIES: dict[str, Callable[[], object]] = {
    "weekly-flywheel": lambda: weekly_flywheel(wheel.week_config(), run_id=wheel.RUN_ID),
    "release-freeze": lambda: release_freeze(freeze_config(), run_id=distilled.FREEZE),
}


def main() -> None:
    awaited = [Event(*each) for each in json.loads(sys.argv[2])]

    def fatal(_number: int, event: Event) -> bool:
        if awaited and event.kind == awaited[0].kind and awaited[0].path in event.path:
            awaited.pop(0)
            return not awaited
        return False

    embedder.install()
    fixed_durations()
    Killer(Path(os.environ["MILLRACE_HOME"]), fatal).install()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        ENTRIES[sys.argv[1]]()


if __name__ == "__main__":
    main()
