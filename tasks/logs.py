"""Structured logs: with ``MILLRACE_LOG=json`` every line on stderr is a JSON object, redacted (A13).

Prefect keeps its loggers, its levels and its handler for the terminal; only what that handler writes changes. What
Prefect sends to its server stays as it is.
"""

import logging
import os
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog
from prefect.logging.handlers import PrefectConsoleHandler
from rich.console import Console

from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules
from tasks.sources import table_path

LOG_VARIABLE = "MILLRACE_LOG"
log_context = structlog.contextvars.bound_contextvars  # facts such as run_id for every line written inside

_EXTRAS = ("step", "trace_id", "flow_run_id", "task_run_id")
_TALKATIVE = ("httpx", "httpcore", "openai")
_FREE_TEXTS = ("event", "exception", "trace_id")

Event = MutableMapping[str, Any]


def set_up_logs() -> None:
    """Make lines JSON when the environment says so; doing it again changes nothing.

    Whatever level the root is set to, libraries never write what they send and get: a webhook's token is in its
    address, and a service may put anything into a header.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    if os.environ.get(LOG_VARIABLE) != "json":
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            # Its own console would colour the line, and read [words] and :words: in it as markup.
            handler.console = Console(
                file=handler.stream, color_system=None, highlight=False, markup=False, emoji=False
            )
            handler.setFormatter(json_formatter())
    logging.getLogger("millrace").setLevel(logging.INFO)


def json_formatter() -> logging.Formatter:
    """One JSON object a record: time, level, logger, event, the context's facts, and what was given as ``extra``.

    Of ``extra``, ``trace_id`` says which trace the line is about. Personal data and secrets that the bundled rules
    recognise are replaced in the event, in tracebacks and in trace ids.
    """
    redactor = Redactor(list(read_rules(table_path("pii"), RedactionRule)))

    def redact(_logger: Any, _method: str, event: Event) -> Event:
        event.update({name: redactor.redact(str(event[name])).text for name in _FREE_TEXTS if name in event})
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(allow=_EXTRAS),
        ],
        processors=[
            _add_time,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False),
        ],
    )


def _add_time(_logger: Any, _method: str, event: Event) -> Event:
    """When the record was made, which is before it is written."""
    event["time"] = datetime.fromtimestamp(event["_record"].created, UTC).isoformat(timespec="milliseconds")
    return event
