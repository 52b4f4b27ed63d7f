"""Turns the wheel once in this process: ``python -m tests.support.turn INPUTS ROWS_OF_A_PART``."""

import os
import sys
from functools import partial
from pathlib import Path

from millrace.datasets import store
from millrace.datasets.parts import cut
from tests.support import embedder, wheel

if __name__ == "__main__":
    embedder.install()
    setattr(store, "cut", partial(cut, max_rows=int(sys.argv[2])))  # noqa: B010  a name that the module imported
    wheel.turn(Path(sys.argv[1]), Path(os.environ["MILLRACE_HOME"]))
