"""What needs attention: the alerts of the day, and the rules that could not be judged."""

from millrace.records.daily_report import DailyReport, ReportedAlert
from millrace.records.monitoring import AlertDelivery
from millrace.reports.document import Block, Cell, Code, Facts, Folded, Link, Paragraph, Piece, Priority, Tag, Tone
from millrace.reports.figures import figure_name, value_text
from millrace.reports.wording import counted, excerpt, number, utc_text

MAX_ALERTS = 30
_MAX_RULES = 50
_MAX_SENTENCE, _MAX_BOUND, _MAX_PLAYBOOK = 400, 120, 80  # characters
_TONES: dict[str, Tone] = {"critical": "bad", "warning": "warn"}


def attention_blocks(report: DailyReport) -> tuple[Block, ...]:
    """How the day is in a sentence or two, each alert with its playbook, then what could not be judged."""
    shown = report.alerts[:MAX_ALERTS]
    left = len(report.alerts) - len(shown)
    return (
        *_nothing_came(report),
        Paragraph(_verdict(report)),
        *(_alert(alert, place) for place, alert in enumerate(shown, start=1)),
        *((Paragraph(f"And {counted(left, 'alert')} more, which report.json holds."),) if left else ()),
        *_beside(report),
        *_unjudged(report),
    )


def _nothing_came(report: DailyReport) -> tuple[Block, ...]:
    if report.traffic.n_traces:
        return ()
    skipped = report.traffic.n_skipped
    rows = f" {counted(skipped, 'row')} came in and could not be read." if skipped else ""
    text = (
        f"No trace of this day was found.{rows} Either nobody asked, or the traces did not arrive: look at the import."
    )
    return (Paragraph(text),)


def n_rules_without_data(report: DailyReport) -> int:
    """Rules that could not be judged, each once, for however many labels; told as 'id: why' or 'id [label]: why'."""
    return len({told.partition(":")[0].partition(" [")[0] for told in report.rules_without_data})


def _verdict(report: DailyReport) -> str:
    if not report.n_rules:
        return "No alert rule is set up, so nothing was watched."
    looked = f"{counted(report.n_rules, 'alert rule')} {'was' if report.n_rules == 1 else 'were'} looked at"
    without = n_rules_without_data(report)
    if not report.alerts and without >= report.n_rules:
        return f"No alert, but none could be raised either: {looked}, and no figure had a value to hold against them."
    unjudged = f"; {number(without)} could not be judged" if without else ""
    if not report.alerts:
        return f"{'No alert' if without else 'Nothing: no alert'}. {looked}{unjudged}."
    n_critical = sum(each.alert.severity == "critical" for each in report.alerts)
    n_warnings = len(report.alerts) - n_critical
    parts = [
        *([counted(n_critical, "critical alert")] if n_critical else []),
        *([counted(n_warnings, "warning")] if n_warnings else []),
    ]
    return f"{' and '.join(parts)}. {looked}{unjudged}.{_undelivered(report)}"


def _undelivered(report: DailyReport) -> str:
    outcomes = [each.delivery.outcome for each in report.alerts if each.delivery is not None]
    told = ""
    if n := outcomes.count("not_sent"):
        told += f" {counted(n, 'notification')} could not be sent."
    if n := outcomes.count("no_receiver"):
        told += f" Nobody was notified of {number(n)}: no receiver is set up."
    return told


def _alert(reported: ReportedAlert, place: int) -> Priority:
    alert = reported.alert
    figure = f"{figure_name(alert.figure, alert.label)} {value_text(alert.figure, alert.value)}"
    return Priority(
        place=place,
        heading=excerpt(alert.message, _MAX_SENTENCE),
        tags=(Tag(alert.severity, _TONES[alert.severity]),),
        facts=(
            figure,
            f"held against {excerpt(alert.bound, _MAX_BOUND)}",
            f"rule {excerpt(alert.rule_id, _MAX_PLAYBOOK)}",
            *_delivered(reported.delivery),
        ),
        example=None,
        advice=Code(f"docs/playbooks/{excerpt(alert.playbook, _MAX_PLAYBOOK)}.md"),
        lead="What to do:",
        tone=_TONES[alert.severity],
    )


def _delivered(delivery: AlertDelivery | None) -> tuple[Cell, ...]:
    """What became of the notification, in words."""
    if delivery is None:
        return ("not sent yet",)
    receiver = "" if delivery.receiver is None else f" to {excerpt(delivery.receiver, _MAX_PLAYBOOK)}"
    problem = "" if delivery.problem is None else f": {excerpt(delivery.problem, _MAX_BOUND)}"
    if delivery.outcome == "sent":
        return (f"sent{receiver}",)
    if delivery.outcome == "suppressed":
        last = delivery.last_sent_at
        return (f"not sent again{receiver}: " + ("sent before" if last is None else f"sent at {utc_text(last)}"),)
    if delivery.outcome == "no_receiver":
        return ("nobody was notified",)
    return ((Tag("not sent", "bad"), f"{receiver}{problem}"),)


def _beside(report: DailyReport) -> tuple[Block, ...]:
    """What stands out without a rule that says so; a sentence that leads there."""
    parts: list[tuple[Piece, ...]] = []
    if n := len(report.anomalies):
        parts.append((Link(counted(n, "figure"), "anomalies"), f" that {_do(n)} not fit the days before"))
    watched = (("the retrieval canary", report.canary, "canary"), ("the drift of questions", report.drift, "drift"))
    for name, result, anchor in watched:
        if result.status in ("warning", "critical"):
            parts.append((Link(name, anchor), f" ({result.status})"))
    if n := sum(metric.mean.n_failed > 0 for metric in report.metrics):
        parts.append((Link(counted(n, "metric"), "answers"), " that failed on some of the traces"))
    if not parts:
        return ()
    told: list[Piece] = ["Beside the alerts: " if report.alerts else "No alert, but worth a look: "]
    for place, part in enumerate(parts):
        told += [*((" and " if place == len(parts) - 1 else ", ",) if place else ()), *part]
    return (Paragraph((*told, ".")),)


def _do(n: int) -> str:
    return "does" if n == 1 else "do"


def _unjudged(report: DailyReport) -> tuple[Block, ...]:
    rules = report.rules_without_data
    if not rules:
        return ()
    rows = tuple(_rule(excerpt(rule, _MAX_SENTENCE)) for rule in rules[:_MAX_RULES])
    left = len(rules) - len(rows)
    more = (Paragraph(f"And {counted(left, 'rule')} more."),) if left else ()
    return (Folded("unjudged", f"{counted(len(rules), 'rule')} that could not be judged", (Facts(rows), *more)),)


def _rule(told: str) -> tuple[str, str]:
    """A rule and why it could not be judged, which stands after a colon."""
    rule, colon, why = told.partition(": ")
    return (rule, why) if colon else ("Rule", told)
