"""Importing this keeps the judging libraries quiet; it must come before ragas and deepeval, which read it once.

They would send usage reports, load ``.env`` from the working directory into the environment, write below the working
directory and the user's home, and send what is judged to a service when its key happens to lie in the environment.
"""

import os

_SETTINGS = {
    "RAGAS_DO_NOT_TRACK": "true",  # the word: it knows no other
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "CONFIDENT_TRACING_ENABLED": "NO",
}
os.environ.update(_SETTINGS)
