"""The daily report in words: what it says of a bad day, a quiet one, a first one, and one without traces."""

import re

import pytest
from markdown_it import MarkdownIt

from millrace.records.daily_report import CostLine, DailyReport, Sampling
from millrace.records.monitoring import DriftResult
from millrace.reports.daily import daily_document
from millrace.reports.daily_changes import main_series
from millrace.reports.document import Cloud, Figure, Folded, Heading, Priority, Table, text_of
from millrace.reports.markdown import to_markdown
from tests.reports.pages import page_of_a_day
from tests.support import daily_report as days


def told(report: DailyReport) -> str:
    """The report as Markdown, read back as plain text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(report))
    text = "\n".join(child.content for token in tokens for child in token.children or [])
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


@pytest.fixture(scope="module")
def bad_day() -> str:
    return told(days.a_day())


def test_the_top_says_what_the_day_was(bad_day: str) -> None:
    for said in (
        "Daily report 2026-11-20",
        "Friday, time zone Europe/Vienna · 812 traces, all of them evaluated",
        "3 (2 critical, 1 warning)",
        "2.2 % (of 812 traces; 95 % interval 1.3 % to 3.1 %)",
        "0.69 (of 741 traces; 95 % interval 0.68 to 0.70)",
        "≥ $4.03 (1 purpose of 3 not known)",
        "74 % (of 96 rated traces)",
    ):
        assert said in bad_day


def test_sections_stand_in_the_order_of_what_to_do() -> None:
    anchors = [section.anchor for section in daily_document(days.a_day()).sections]
    assert anchors == ["attention", "answers", "changed", "look", "ran"]


def test_an_alert_has_its_sentence_figure_bound_notification_and_playbook() -> None:
    blocks = daily_document(days.a_day()).sections[0].blocks
    first, second, third = [block for block in blocks if isinstance(block, Priority)]
    assert text_of(first.heading) == "Groundedness fell to 0.69, 14 % below the median of the last 7 days (0.80)."
    assert [text_of(fact) for fact in first.facts] == [
        "Groundedness 0.69",
        "held against 10 % below the median of 7 days",
        "rule groundedness-drop",
        "sent to oncall-slack",
    ]
    assert text_of(first.advice) == "docs/playbooks/groundedness-drop.md"
    assert text_of(second.facts[-1]) == "not sent to oncall-slack: the receiver answered 503"
    assert text_of(third.facts[-1]) == "not sent again to oncall-slack: sent at 2026-11-21 05:00 UTC"
    assert [block.tone for block in (first, second, third)] == ["bad", "bad", "warn"]


def test_what_became_of_notifications_is_summed_up() -> None:
    alert = days.alerts()[0]
    nobody = alert.model_copy(update={"delivery": days.delivered("no_receiver")})
    waiting = alert.model_copy(update={"delivery": None})
    text = told(days.a_day(alerts=[nobody, waiting]))
    assert "2 critical alerts. 14 alert rules were looked at; 2 could not be judged. Nobody was notified of 1" in text
    assert "not sent yet" in text


def test_rules_that_could_not_be_judged_are_listed_with_their_reasons(bad_day: str) -> None:
    assert "2 rules that could not be judged" in bad_day
    assert "annotations/golden_rows has no value: no golden dataset" in bad_day


def test_a_quiet_day_says_so_and_of_how_many_rules() -> None:
    text = told(days.a_quiet_day())
    assert "Nothing: no alert. 14 alert rules were looked at." in text
    for said in (
        "Every figure lies within what the days before make usual.",
        "The last searches find as much as those before them",
        "The questions are like those of the reference.",
        "a classifier does not tell the two apart beyond chance: AUC 0.51",
        "no more than chance explains: MMD² -0.000030, p = 0.43 by 500 permutations",
        "No user rated or commented on an answer of this day.",
        "No paid model was called, so nothing was spent (the extractive answerer calls no model).",
    ):
        assert said in text
    assert "worth a look" not in text


def test_no_alert_is_not_all_well_when_other_things_stand_out() -> None:
    text = told(days.a_quiet_day(anomalies=days.anomalies(), drift=days.drift()))
    assert "No alert, but worth a look: 3 figures that do not fit the days before and the drift of questions" in text


def test_metrics_stand_in_tiers_with_interval_failures_and_change(bad_day: str) -> None:
    headings = ("Without a judge", "Judged by a model: Ragas", "Judged by a model: DeepEval")
    assert sorted(headings, key=bad_day.index) == list(headings)
    assert "0.74 [0.71, 0.76] (n = 196, 4 failed)" in bad_day
    assert "4 failed (invalid json 3, timeout 1)" in bad_day
    assert "71 undefined (no context 52, no answer 19)" in bad_day
    assert "-0.07 worse" in bad_day


def test_without_a_gateway_tiers_are_skipped_in_sentences_and_not_as_zero() -> None:
    text = told(days.a_quiet_day())
    assert "Judged by a model" not in text
    assert "Ragas was skipped: no gateway is set up." in text
    assert "Without a value for that reason: Faithfulness (Ragas), Answer relevancy, Context precision" in text
    tables = _tables(days.a_quiet_day(), "answers")
    assert [text_of(row[0]) for table in tables for row in table.rows][-1] == "Context recall"


def test_a_judge_that_is_too_kind_is_told(bad_day: str) -> None:
    assert (
        "Faithfulness (Ragas): 74 % of the answers are good, by 60 traces that people judged and the judge's values "
        "together; the judge alone says 86 % and is too kind, by more than chance explains." in bad_day
    )
    assert "86 % [81 %, 90 %] (n = 196)" in bad_day
    assert "Caution: the labelled traces were chosen by uncertainty" in bad_day


@pytest.mark.parametrize(("naive", "word"), [(0.55, "is too strict"), (0.75, "which agrees"), (0.95, "is too kind")])
def test_the_judge_alone_is_held_against_the_corrected_interval(naive: float, word: str) -> None:
    each = days.correction(naive=days.estimate(naive, 0.03, 196))
    assert word in told(days.a_day(corrections=[each]))


def test_a_correction_without_an_estimate_says_why_and_draws_nothing() -> None:
    bare = dict.fromkeys(("people", "corrected", "precision", "recall", "kappa", "calibration_error"), days.NOTHING)
    report = days.a_day(corrections=[days.correction(**bare)])
    assert "Faithfulness (Ragas): no corrected share from 60 traces that people judged: no items." in told(report)
    assert "corrected" not in {
        block.name for block in daily_document(report).sections[1].blocks if isinstance(block, Figure)
    }


def test_labels_of_nobody_are_told() -> None:
    assert "No trace of this day was judged by people" in told(days.a_day(corrections=[days.correction(n_labelled=0)]))


def test_anomalies_are_told_with_range_method_direction_and_since(bad_day: str) -> None:
    for said in ("0.80 [0.78, 0.82]", "robust z = -12.4", "new level (p < 0.0001)", "18 Nov", "4.90 s worse"):
        assert said in bad_day


def test_canary_and_drift_say_what_their_numbers_mean(bad_day: str) -> None:
    for said in (
        "Retrieval canary: critical",
        "0.021, -23 % [-26 %, -20 %]",
        "Drift of questions: warning",
        "a classifier tells the two somewhat apart: AUC 0.71 [0.69, 0.73]",
        "more than chance explains: MMD² 0.0021, p = 0.0020 by 500 permutations",
        "more varied: spread +7.0 %, from 0.61 to 0.66",
    ):
        assert said in bad_day


def test_the_picture_of_the_embedding_space_is_bounded() -> None:
    many = days.drift(points=days.drift().points * 4)
    clouds = [b for b in daily_document(days.a_day(drift=many)).sections[2].blocks if isinstance(b, Cloud)]
    assert [len(each.first) + len(each.second) for each in clouds] == [600]
    assert not any(
        isinstance(b, Cloud) for b in daily_document(days.a_day(drift=days.drift(points=[]))).sections[2].blocks
    )


def test_trends_draw_the_main_figures_and_each_once() -> None:
    drawn = main_series(days.all_series(), days.metrics())
    names = [(each.name, each.label) for each in drawn]
    titles = [each.title for each in drawn]
    assert titles[:5] == ["Traces", "Failed traces", "Groundedness", "Answer relevancy", "Faithfulness (Ragas)"]
    assert ("evaluation/metric", "groundedness") not in names  # its figure is drawn already
    assert names[0] == ("pipeline/traces", None)
    assert len(names) == 10


def test_labels_never_crowd_out_the_main_figures() -> None:
    crowd = [days.series("evaluation/metric", f"M{n}", [0.5, 0.6], 0.1, f"m{n}") for n in range(40)]
    names = [each.name for each in main_series([*crowd, *days.all_series()])]
    assert len(names) == 12
    assert {"pipeline/failed_share", "hallucination/groundedness", "llm/cost"} <= set(names)


def test_the_worst_traces_have_scores_spans_and_passages(bad_day: str) -> None:
    for said in ("groundedness 0.08", "shortfall 0.81", "failed: invalid json", "4 127", "Refunds are excluded."):
        assert said in bad_day
    folds = [b for b in daily_document(days.a_day()).sections[3].blocks if isinstance(b, Folded)]
    assert [b.open for b in folds[:3]] == [True, False, False]


def test_costs_that_are_not_known_are_no_zeros_and_say_why(bad_day: str) -> None:
    assert "not known" in bad_day
    assert "The cost of judging: deepeval faithfulness is not known: no price of gpt-judge@2026-10" in bad_day
    unknown = days.a_day(costs=[CostLine(purpose="answering", n_calls=5, reason="no_price")])
    assert " not known (of 5 model calls)" in told(unknown)


def test_a_first_day_has_nothing_to_compare_with_and_reads_well() -> None:
    text = told(days.a_first_day())
    for said in (
        "No alert. 14 alert rules were looked at; 9 could not be judged.",
        "7 traces were evaluated. These are few: read the traces themselves rather than the means.",
        "There is no earlier day to compare with yet",
        "No figure could be held against earlier days yet.",
        "There is no reference yet: this day becomes it.",
        "Retrieval canary: not enough data",
        "0 % [0 %, 35 %] (n = 7)",
    ):
        assert said in text
    assert "Usual" not in text


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_traces_read_well(n: int) -> None:
    text = told(days.a_first_day(n))
    assert f"{n} trace{'s' if n > 1 else ''} {'were' if n > 1 else 'was'} evaluated." in text
    assert "nan" not in text.lower().replace("tenant", "")


def test_a_day_without_traces_reads_well() -> None:
    text = told(days.a_day_without_traces())
    for said in (
        "No trace of this day was found. Either nobody asked, or the traces did not arrive",
        "No alert, but none could be raised either",
        "No trace was evaluated, so nothing is known of the answers of this day.",
        "There is no trace to look at",
        "\N{EN DASH} (no trace to measure it on)",
    ):
        assert said in text
    assert "nan" not in text.lower().replace("tenant", "")
    assert not [
        b for s in daily_document(days.a_day_without_traces()).sections for b in s.blocks if isinstance(b, Figure)
    ]


def test_a_rule_without_data_counts_once_for_all_its_labels() -> None:
    lacking = [f"metric-dropped [{name}]: 4 items today, 20 needed" for name in ("a", "b", "c")]
    text = told(days.a_quiet_day(n_rules=3, rules_without_data=[*lacking, "cost-rise: no value today"]))
    assert "2 could not be judged" in text


def test_nothing_is_watched_without_rules() -> None:
    assert "No alert rule is set up, so nothing was watched." in told(days.a_quiet_day(n_rules=0))


def test_estimates_without_interval_or_value_are_told_with_their_reason() -> None:
    one = days.NOTHING.model_copy(update={"mean": 0.5, "n": 1, "reason": "one_item"})
    metrics = [days.metrics()[0].model_copy(update={"mean": mean}) for mean in (one, days.NOTHING)]
    text = told(days.a_day(metrics=metrics, drift=DriftResult(status="not_enough", n_reference=5, n_current=3)))
    assert "0.50 (no interval: one item; n = 1)" in text
    assert "not defined: no items" in text


def test_a_sample_says_so_with_its_seed() -> None:
    text = told(days.a_day(sampling=Sampling(n_traces=12000, n_sampled=812, seed=7)))
    assert "12 000 traces, a sample of 812 evaluated" in text
    assert "A sample of 812 of 12 000 traces was evaluated (seed 7); each counts for as many as it stands for." in text


def test_a_window_that_is_no_day_is_named_by_its_times() -> None:
    run = days.run_facts().model_copy(update={"window_name": None})
    text = told(days.a_day(run=run))
    assert text.startswith("Daily report\n2026-11-19 23:00 UTC to 2026-11-20 23:00 UTC")


def test_markdown_and_html_say_the_same_facts() -> None:
    report = days.a_day()
    page = re.sub(r"<[^>]*>", "", page_of_a_day()).replace("&#39;", "'").replace("\N{NO-BREAK SPACE}", " ")
    missing = [
        text_of(cell)
        for section in daily_document(report).sections
        for block in section.blocks
        if isinstance(block, Table)
        for row in block.rows
        for cell in row
        if text_of(cell).replace("\N{NO-BREAK SPACE}", " ") not in page.replace("&lt;", "<").replace("&gt;", ">")
    ]
    assert missing == []


def _tables(report: DailyReport, anchor: str) -> list[Table]:
    section = next(each for each in daily_document(report).sections if each.anchor == anchor)
    assert any(isinstance(block, Heading) for block in section.blocks)
    return [block for block in section.blocks if isinstance(block, Table)]


def test_tables_of_what_can_be_many_are_bounded() -> None:
    many = days.a_day(figures=days.figures() * 100, worst=days.worst() * 6, alerts=days.alerts() * 20)
    for max_rows, n_figures, n_worst in ((100, 400, 20), (10, 40, 10), (0, 0, 3)):
        sections = {section.anchor: section.blocks for section in daily_document(many, max_rows).sections}
        folds = {block.anchor: block for block in sections["look"] if isinstance(block, Folded)}
        shown = [len(block.rows) for block in folds["all-figures"].blocks if isinstance(block, Table)]
        assert sum(shown) == n_figures
        assert sum(anchor.startswith("worst-") for anchor in folds) == n_worst
        assert sum(isinstance(block, Priority) for block in sections["attention"]) == 30
