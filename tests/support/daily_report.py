"""Daily reports as the daily flow would write them: a bad day, a quiet one, a first one, one without traces."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import numpy as np

from millrace.records.daily_report import (
    CostLine,
    DailyReport,
    FigureSeries,
    MetricSummary,
    ReportedAlert,
    Sampling,
    SeriesPoint,
    WorstScore,
    WorstSpan,
    WorstTrace,
)
from millrace.records.evaluation import MetricStatus, MetricTier
from millrace.records.monitoring import (
    AlertDelivery,
    AlertOutcome,
    Anomaly,
    CanaryResult,
    CanaryWindow,
    DayFigure,
    DriftResult,
    EmbeddingPoint,
    FeedbackRates,
    FiredAlert,
    JudgeCorrection,
)
from millrace.records.report import Component, Count, ReportedEstimate, RowList, RunFacts, Traffic
from millrace.statistics.reported import mean_of, share_of

DAY = "2026-11-20"  # a Friday
MIDNIGHT = datetime(2026, 11, 19, 23, tzinfo=UTC)  # in Vienna
N_TRACES = 812
KEY = "ab" * 32
NOTHING = ReportedEstimate(mean=None, n=0, method="wilson", reason="no_items")
EDGES = [round(0.1 * place, 1) for place in range(11)]
STATUSES = get_args(MetricStatus)


def estimate(mean: float, half: float, n: int, n_failed: int = 0, method: str = "student_t") -> ReportedEstimate:
    return ReportedEstimate(
        mean=mean, low=max(0.0, mean - half), high=min(1.0, mean + half), n=n, n_failed=n_failed, method=method
    )


def metric(
    name: str,
    tier: MetricTier,
    title: str,
    shape: tuple[float, float],
    *,
    statuses: Mapping[str, int],
    reasons: Mapping[str, int] | None = None,
    **changes: Any,
) -> MetricSummary:
    """A metric whose values are drawn from a beta distribution, as many as were scored."""
    n = statuses.get("scored", 0)
    values = np.random.default_rng(sum(map(ord, name))).beta(*shape, size=n)
    mean = mean_of(values).model_copy(update={"n_failed": statuses.get("failed", 0)})
    given: dict[str, Any] = {
        "metric": name,
        "tier": tier,
        "title": title,
        "meaning": f"How good an answer is by {title.lower()}, from 0 to 1.",
        "source": "embedded-groundedness/3" if tier == "model_free" else f"{tier}/gpt-judge@2026-10",
        "mean": mean,
        "statuses": [Count(name=status, n=statuses.get(status, 0)) for status in STATUSES],
        "reasons": [Count(name=reason, n=count) for reason, count in (reasons or {}).items()],
        "edges": EDGES if n else [],
        "counts": np.histogram(values, EDGES)[0].tolist() if n else [],
    }
    return MetricSummary(**given | changes)


def metrics() -> list[MetricSummary]:
    judged = {"scored": 196, "failed": 4}
    return [
        metric(
            "groundedness",
            "model_free",
            "groundedness",
            (5, 2.2),
            statuses={"scored": 741, "undefined": 71},
            reasons={"no_context": 52, "no_answer": 19},
        ),
        metric("answer_relevance", "model_free", "answer relevance", (7, 2), statuses={"scored": 793, "undefined": 19}),
        metric("citation_validity", "model_free", "citation validity", (20, 0.8), statuses={"scored": 741}),
        metric(
            "context_recall",
            "model_free",
            "context recall",
            (3, 2),
            statuses={"scored": 38, "undefined": 774},
            reasons={"no_reference": 774},
        ),
        metric(
            "ragas_faithfulness",
            "ragas",
            "faithfulness (Ragas)",
            (4, 1.4),
            statuses=judged,
            reasons={"invalid_json": 3, "timeout": 1},
            n_calls=412,
        ),
        metric("ragas_answer_relevancy", "ragas", "Answer relevancy", (6, 2), statuses={"scored": 200}, n_calls=600),
        metric("ragas_context_precision", "ragas", "Context precision", (2.4, 2), statuses={"scored": 200}),
        metric("deepeval_faithfulness", "deepeval", "faithfulness (DeepEval)", (5, 1.6), statuses={"scored": 200}),
    ]


def alert(
    rule: str, severity: Any, figure: str, value: float | None, bound: str, message: str, **changes: Any
) -> FiredAlert:
    given: dict[str, Any] = {
        "key": KEY,
        "rule_id": rule,
        "severity": severity,
        "day": DAY,
        "figure": figure,
        "value": value,
        "bound": bound,
        "message": message,
        "playbook": rule,
    }
    return FiredAlert(**given | changes)


def delivered(outcome: AlertOutcome, **changes: Any) -> AlertDelivery:
    return AlertDelivery(key=KEY, outcome=outcome, **changes)


def alerts() -> list[ReportedAlert]:
    return [
        ReportedAlert(
            alert=alert(
                "groundedness-drop",
                "critical",
                "hallucination/groundedness",
                0.69,
                "10 % below the median of 7 days",
                "Groundedness fell to 0.69, 14 % below the median of the last 7 days (0.80).",
            ),
            delivery=delivered("sent", receiver="oncall-slack"),
        ),
        ReportedAlert(
            alert=alert(
                "retrieval-canary",
                "critical",
                "retrieval/canary_p50_change",
                -0.231,
                "< -0.1",
                "The median retrieval score of the last 1 000 searches is 23 % below that of those before.",
            ),
            delivery=delivered("not_sent", receiver="oncall-slack", problem="the receiver answered 503"),
        ),
        ReportedAlert(
            alert=alert(
                "slow-stage",
                "warning",
                "pipeline/stage_p95",
                4.31,
                "> 3",
                "The 95th percentile of stage rerank is 4.3 s, above 3 s.",
                label="rerank",
            ),
            delivery=delivered("suppressed", receiver="oncall-slack", last_sent_at=MIDNIGHT + timedelta(hours=30)),
        ),
    ]


def correction(**changes: Any) -> JudgeCorrection:
    given: dict[str, Any] = {
        "metric": "ragas_faithfulness",
        "source": "ragas/gpt-judge@2026-10",
        "threshold": 0.5,
        "n_labelled": 60,
        "n_scored": 196,
        "precision": share_of(11, 14),
        "recall": share_of(11, 19),
        "kappa": estimate(0.58, 0.22, 60, method="bootstrap"),
        "calibration_error": estimate(0.12, 0.05, 60, method="bootstrap"),
        "naive": share_of(169, 196),
        "people": share_of(41, 60),
        "corrected": estimate(0.74, 0.078, 196, method="prediction_powered"),
        "power_tuning": 0.71,
        "labels_chosen": "not_at_random",
        "caution": "the labelled traces were chosen by uncertainty, so their weights are trusted to make up for it",
    }
    return JudgeCorrection(**given | changes)


def canary(**changes: Any) -> CanaryResult:
    given: dict[str, Any] = {
        "status": "critical",
        "reasons": ["the median score fell by 23 %, more than the 10 % that are allowed"],
        "current": CanaryWindow(
            n=1000, n_empty=31, n_scored=969, p50=0.0213, p95=0.0325, mean=0.0219, time_from=MIDNIGHT, time_to=MIDNIGHT
        ),
        "baseline": CanaryWindow(
            n=7000,
            n_empty=98,
            n_scored=6902,
            p50=0.0277,
            p95=0.0328,
            mean=0.0268,
            time_from=MIDNIGHT - timedelta(days=9),
            time_to=MIDNIGHT,
        ),
        "p50_change": ReportedEstimate(mean=-0.231, low=-0.262, high=-0.199, n=7871, method="bootstrap"),
        "empty_share": share_of(31, 1000),
    }
    return CanaryResult(**given | changes)


def drift(**changes: Any) -> DriftResult:
    """Reference questions about two subjects, today's about a third one too."""
    random = np.random.default_rng(7)
    centres = np.array([[-0.30, 0.05], [0.15, -0.20], [0.28, 0.31]])
    then = centres[random.integers(2, size=300)] + random.normal(0, 0.09, (300, 2))
    now = centres[random.choice(3, size=300, p=[0.4, 0.35, 0.25])] + random.normal(0, 0.09, (300, 2))
    points = [
        EmbeddingPoint(item_id=f"{kind}-{number}", current=kind == "now", x=float(x), y=float(y))
        for kind, cloud in (("then", then), ("now", now))
        for number, (x, y) in enumerate(cloud)
    ]
    given: dict[str, Any] = {
        "status": "warning",
        "reasons": ["a classifier tells questions of now from those of the reference, AUC 0.71"],
        "n_reference": 2000,
        "n_current": 812,
        "centroid_shift": 0.041,
        "spread_reference": 0.612,
        "spread_current": 0.655,
        "spread_change": 0.0703,
        "mmd_squared": 0.0021,
        "mmd_p_value": 0.002,
        "n_permutations": 500,
        "domain_auc": estimate(0.71, 0.02, 2812, method="bootstrap"),
        "most_typical_now": ["t-17", "t-204", "t-431"],
        "points": points,
        "explained": 0.183,
    }
    return DriftResult(**given | changes)


def series(
    name: str, title: str, levels: Sequence[float | None], half: float | None = None, label: str | None = None
) -> FigureSeries:
    """A figure by day, the last one this day's."""
    last = date.fromisoformat(DAY)
    points = [
        SeriesPoint(
            day=(last - timedelta(days=len(levels) - 1 - place)).isoformat(),
            value=level,
            low=None if level is None or half is None else max(0.0, level - half),
            high=None if level is None or half is None else level + half,
            n=0 if level is None else N_TRACES,
        )
        for place, level in enumerate(levels)
    ]
    return FigureSeries(name=name, label=label, title=title, points=points)


def walk(seed: int, level: float, noise: float, last: float, n_days: int = 21) -> list[float]:
    """Days about a level, the last one as given."""
    random = np.random.default_rng(seed)
    return [round(float(value), 4) for value in level + random.normal(0, noise, n_days - 1)] + [last]


def all_series() -> list[FigureSeries]:
    relevancy: list[float | None] = [*walk(5, 0.75, 0.01, 0.753)]
    relevancy[12:14] = [None, None]
    metric_of = "Mean of the metric over the traces that have it"
    return [
        series("pipeline/traces", "Questions that were asked", [round(value) for value in walk(1, 790, 30, 812)]),
        series("pipeline/failed_share", "Share of traces with an error", walk(2, 0.012, 0.002, 0.0222), 0.008),
        series("pipeline/latency_p95", "95th percentile of the time of a question", walk(3, 2.6, 0.15, 4.9), 0.3),
        series("hallucination/groundedness", "Mean support of answers", walk(4, 0.80, 0.006, 0.69), 0.012),
        series("evaluation/metric", metric_of, walk(4, 0.80, 0.006, 0.69), 0.012, "groundedness"),
        series("evaluation/metric", metric_of, relevancy, 0.02, "ragas_answer_relevancy"),
        series("evaluation/metric", metric_of, walk(6, 0.80, 0.01, 0.742), 0.03, "ragas_faithfulness"),
        series("retrieval/top_score_p50", "Median of the best score", walk(7, 0.0276, 0.0003, 0.0213), 0.0004),
        series("retrieval/empty_share", "Share of searches that found nothing", walk(8, 0.014, 0.002, 0.031), 0.01),
        series("feedback/positive_share", "Share of rated traces", walk(9, 0.81, 0.03, 0.74), 0.09),
        series("llm/cost", "Cost of answering", walk(10, 3.1, 0.2, 3.42)),
    ]


def figure(name: str, value: float | None, half: float | None = None, n: int = N_TRACES, **changes: Any) -> DayFigure:
    given: dict[str, Any] = {
        "day": DAY,
        "name": name,
        "value": value,
        "low": None if value is None or half is None else max(0.0, value - half),
        "high": None if value is None or half is None else value + half,
        "n": n,
    }
    return DayFigure(**given | changes)


def figures() -> list[DayFigure]:
    return [
        figure("pipeline/traces", N_TRACES),
        figure("pipeline/answered_share", 0.936, 0.017),
        figure("pipeline/failed_share", 0.0222, 0.009),
        figure("pipeline/latency_p95", 4.9, 0.3),
        *(figure("pipeline/stage_p95", p95, label=stage) for stage, p95 in (("retrieve", 0.412), ("rerank", 4.31))),
        figure("safety/injection_share", 0.0037, 0.004),
        figure("safety/pii_redactions", 41, label="email_address"),
        figure("hallucination/groundedness", 0.69, 0.012, n=741, n_failed=2),
        figure("hallucination/ungrounded_share", 0.214, 0.03, n=741),
        figure("llm/input_tokens", 1_204_331),
        figure("llm/cost", 3.42),
        figure("llm/cost_per_answer", 0.00421),
        figure("retrieval/top_score_p50", 0.0213, 0.0004, n=781),
        figure("retrieval/canary_p50_change", -0.231, n=969),
        figure("evaluation/drift_mmd_p_value", 0.002, n=2812),
        figure("feedback/positive_share", 0.74, 0.09, n=96),
        figure("annotations/golden_rows", None, n=0, reason="no_golden_dataset"),
    ]


def anomalies() -> list[Anomaly]:
    def found(name: str, value: float, expected: float, **changes: Any) -> Anomaly:
        given: dict[str, Any] = {"day": DAY, "figure": name, "method": "robust_z", "value": value, "score": 6.2}
        return Anomaly(**given | {"expected": expected, "since": DAY, "n_days": 20} | changes)

    return [
        found("hallucination/groundedness", 0.69, 0.80, low=0.78, high=0.82, score=-12.4),
        found("pipeline/latency_p95", 4.9, 2.58, low=2.1, high=3.1, method="iqr"),
        found("pipeline/stage_p95", 4.31, 0.61, label="rerank", method="change_point", since="2026-11-18", score=4.4),
    ]


_QUESTIONS = (
    "Can I return a jacket that I bought in the outlet, and who pays for the parcel?",
    "What does the extended warranty cover when the screen breaks within the first 14 days?",
    "Which of your shops in Graz is open on 8 December?",
    "My invoice shows 20 % VAT but I ordered for a company in Germany, how do I get it without?",
    "How do I change the delivery address of an order that has already been packed?",
)
_PASSAGES = (
    "Goods bought in an outlet can be exchanged within 14 days against a voucher. Refunds are excluded.",
    "The parcel is free of charge when the fault is ours; in all other cases EUR 5.90 are deducted.",
    "Opening hours: Monday to Friday 9:30 to 18:30, Saturday 9:30 to 17:00.",
)


def worst(n: int = 10) -> list[WorstTrace]:
    return [_worst(place) for place in range(n)]


def _worst(place: int, **changes: Any) -> WorstTrace:
    given: dict[str, Any] = {
        "trace_id": f"tr-2026-11-20-{place:05d}",
        "tenant_id": "acme",
        "status": "answered",
        "badness": round(0.81 - 0.03 * place, 3),
        "question": _QUESTIONS[place % len(_QUESTIONS)],
        "answer": "Yes, within 30 days, and the parcel is always free of charge. A refund is made to your card.",
        "contexts": list(_PASSAGES),
        "scores": [
            WorstScore(metric="groundedness", status="scored", value=round(0.08 + 0.02 * place, 2)),
            WorstScore(metric="ragas_faithfulness", status="failed", value=None, reason="invalid_json"),
            WorstScore(metric="answer_relevance", status="scored", value=0.61),
            WorstScore(metric="context_recall", status="undefined", value=None, reason="no_reference"),
        ],
        "spans": [
            WorstSpan(name="retrieve", duration_ms=131.2, facts="n_found 20, top_score 0.0181, collection support"),
            WorstSpan(name="rerank", duration_ms=4127.0, facts="n_in 20, n_out 3, model mini-reranker"),
            WorstSpan(name="generate", duration_ms=812.5, facts="model gpt-small, input_tokens 1480, output_tokens 61"),
        ],
    }
    return WorstTrace(**given | changes)


def costs() -> list[CostLine]:
    return [
        CostLine(purpose="answering", n_calls=812, input_tokens=1_204_331, output_tokens=61_220, cost_usd=3.42),
        CostLine(
            purpose="judging: ragas faithfulness",
            n_calls=412,
            input_tokens=498_000,
            output_tokens=40_100,
            cost_usd=0.61,
        ),
        CostLine(
            purpose="judging: deepeval faithfulness",
            n_calls=400,
            input_tokens=380_000,
            output_tokens=51_000,
            reason="no price of gpt-judge@2026-10 in configs/prices.yaml",
        ),
    ]


def rows() -> list[RowList]:
    return [
        RowList(
            name="typical-now",
            title="Questions of now that are least like the reference",
            columns=["Question", "Trace"],
            rows=[[question, f"t-{place}"] for place, question in enumerate(_QUESTIONS)],
            n=5,
        ),
        RowList(
            name="failed",
            title="Traces that ended with an error",
            columns=["Question", "Error", "Trace"],
            rows=[[question, "the gateway timed out", f"tr-{place}"] for place, question in enumerate(_QUESTIONS)],
            n=18,
            command="millrace rows run-1 selected_traces --where status=failed",
        ),
    ]


def run_facts() -> RunFacts:
    return RunFacts(
        run_id="run-1",
        flow="daily-eval",
        window_name=DAY,
        window_start=MIDNIGHT,
        window_end=MIDNIGHT + timedelta(days=1),
        time_zone="Europe/Vienna",
        reported_at=MIDNIGHT + timedelta(hours=30),
        components=[
            Component(role="answered by", identity="gpt-small@2026-09"),
            Component(
                role="groundedness",
                identity="embedded-groundedness/3",
                stands_in_for="a judge model: it is fitted to human ratings of faithfulness",
            ),
        ],
    )


def traffic(n_traces: int = N_TRACES) -> Traffic:
    statuses = [Count(name="answered", n=n_traces - 52), Count(name="abstained", n=34), Count(name="failed", n=18)]
    return Traffic(
        n_traces=n_traces,
        statuses=statuses if n_traces else [],
        tenants=[Count(name="acme", n=n_traces)] if n_traces else [],
        n_skipped=3,
        skip_reasons=[Count(name="bad_json", n=3)],
        n_duplicates=2,
    )


def a_day(**changes: Any) -> DailyReport:
    """A bad day of a shop's assistant: a reranker is slow and finds less, and answers are less grounded."""
    given: dict[str, Any] = {
        "run": run_facts(),
        "traffic": traffic(),
        "sampling": Sampling(n_traces=N_TRACES, n_sampled=N_TRACES),
        "alerts": alerts(),
        "n_rules": 14,
        "rules_without_data": [
            "judge-disagrees: evaluation/judge_kappa has no value: fewer than 20 labelled traces",
            "golden-shrinks: annotations/golden_rows has no value: no golden dataset",
        ],
        "metrics": metrics(),
        "corrections": [correction()],
        "canary": canary(),
        "drift": drift(),
        "anomalies": anomalies(),
        "feedback": FeedbackRates(
            n_traces=N_TRACES,
            n_rated=96,
            positive=share_of(71, 96),
            coverage=share_of(96, N_TRACES),
            n_corrections=4,
            n_comments=11,
        ),
        "figures": figures(),
        "series": all_series(),
        "worst": worst(),
        "costs": costs(),
        "lists": rows(),
    }
    return DailyReport(**given | changes)


QUIET_DRIFT: dict[str, Any] = {
    "status": "ok",
    "reasons": [],
    "centroid_shift": 0.0008,
    "spread_current": 0.618,
    "spread_change": 0.0098,
    "mmd_squared": -0.00003,
    "mmd_p_value": 0.43,
    "domain_auc": estimate(0.507, 0.02, 2812, method="bootstrap"),
    "most_typical_now": [],
}


def a_quiet_day(**changes: Any) -> DailyReport:
    """Nothing is wrong, a gateway was not set up, and nobody rated anything."""
    skipped = "no_gateway"
    given: dict[str, Any] = {
        "alerts": [],
        "rules_without_data": [],
        "metrics": [
            each
            if each.tier == "model_free"
            else metric(
                each.metric,
                each.tier,
                each.title,
                (1, 1),
                statuses={"skipped": N_TRACES},
                reasons={skipped: N_TRACES},
                source="-",
                mean=NOTHING.model_copy(update={"reason": "skipped"}),
            )
            for each in metrics()
        ],
        "skipped_tiers": [
            "Ragas was skipped: no gateway is set up. A gateway block and `judge: NAME` in configs/daily_eval.yaml "
            "run it.",
            "DeepEval was skipped: no gateway is set up. A gateway block and `judge: NAME` in configs/daily_eval.yaml "
            "run it.",
        ],
        "corrections": [],
        "canary": canary(status="ok", reasons=[], p50_change=estimate(0.004, 0.02, 7900), current=canary().baseline),
        "drift": drift(**QUIET_DRIFT),
        "anomalies": [],
        "feedback": no_feedback(),
        "costs": [CostLine(purpose="answering", n_calls=0, reason="the extractive answerer calls no model")],
        "lists": [],
    }
    return a_day(**given | changes)


def no_feedback(n_traces: int = N_TRACES) -> FeedbackRates:
    coverage = share_of(0, n_traces)
    return FeedbackRates(
        n_traces=n_traces, n_rated=0, positive=NOTHING, coverage=coverage, n_corrections=0, n_comments=0
    )


def a_first_day(n: int = 7, **changes: Any) -> DailyReport:
    """A handful of traces, no day before, no reference, no gateway."""
    quiet = a_quiet_day()
    few = [metric("groundedness", "model_free", "Groundedness", (5, 2), statuses={"scored": n - 1, "undefined": 1})]
    empty = CanaryWindow(n=0, n_empty=0, n_scored=0)
    given: dict[str, Any] = {
        "traffic": Traffic(
            n_traces=n,
            statuses=[Count(name="answered", n=n)],
            tenants=[Count(name="acme", n=n)],
            n_skipped=0,
            skip_reasons=[],
            n_duplicates=0,
        ),
        "sampling": Sampling(n_traces=n, n_sampled=n),
        "rules_without_data": [f"rule-{place}: no earlier day to compare with" for place in range(9)],
        "metrics": [*few, *(each for each in quiet.metrics if each.tier != "model_free")],
        "canary": CanaryResult(
            status="not_enough",
            reasons=[f"{n} searches, 100 are needed", "no searches before these"],
            current=CanaryWindow(n=n, n_empty=0, n_scored=n, p50=0.02, p95=0.03, mean=0.02),
            baseline=empty,
            empty_share=share_of(0, n),
        ),
        "drift": DriftResult(
            status="not_enough", reasons=["there is no reference yet: this day becomes it"], n_reference=0, n_current=n
        ),
        "feedback": no_feedback(n),
        "figures": [
            figure("pipeline/traces", n, n=n),
            figure("pipeline/failed_share", 0.0, n=n, high=0.35, low=0.0),
            figure("hallucination/groundedness", few[0].mean.mean, 0.2, n=n - 1),
        ],
        "series": [],
        "worst": worst(3),
    }
    return a_quiet_day(**given | changes)


def a_day_without_traces(**changes: Any) -> DailyReport:
    """Nothing came in, so nothing has a value."""
    empty = CanaryWindow(n=0, n_empty=0, n_scored=0)
    undefined = [
        each.model_copy(
            update={
                "mean": NOTHING,
                "statuses": [Count(name=status, n=0) for status in STATUSES],
                "reasons": [],
                "edges": [],
                "counts": [],
                "source": "-",
            }
        )
        for each in metrics()
    ]
    given: dict[str, Any] = {
        "traffic": Traffic(n_traces=0, statuses=[], tenants=[], n_skipped=0, skip_reasons=[], n_duplicates=0),
        "sampling": Sampling(n_traces=0, n_sampled=0),
        "rules_without_data": [f"rule-{place}: no value: no_items" for place in range(14)],
        "metrics": undefined,
        "canary": CanaryResult(
            status="not_enough", reasons=["no searches"], current=empty, baseline=empty, empty_share=NOTHING
        ),
        "drift": DriftResult(status="not_enough", reasons=["no questions"], n_reference=2000, n_current=0),
        "feedback": no_feedback(0),
        "figures": [
            figure("pipeline/traces", 0, n=0),
            figure("pipeline/failed_share", None, n=0, reason="no_items"),
            figure("hallucination/groundedness", None, n=0, reason="no_items"),
        ],
        "series": [],
        "worst": [],
        "costs": [],
    }
    return a_quiet_day(**given | changes)
