"""The annotation screen: what it shows, what its keys do, and the real command in a real terminal."""

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.widgets import Static

from apps.cli.annotation import asking
from apps.cli.annotation.draft import Draft
from apps.cli.annotation.screen import AnnotationApp
from apps.cli.annotation.session import Session
from apps.cli.annotation.text import excerpt, visible
from apps.cli.terminal import Terminal
from millrace.datasets.canonical import sha256_json
from millrace.ledger import annotations as answers
from millrace.ledger.annotations import annotations_for
from millrace.ledger.queue import claim_next, enqueue
from millrace.ledger.tasks import NewTask, task_history, tasks
from millrace.methods.text import sentence_spans
from millrace.records.annotation import AnnotationTask

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 11, 20, tzinfo=UTC)
ANSWER = "Parcels go back within 30 days. We pay the postage of every return."
PASSAGES = [
    {"context_id": "c1", "title": "Returns", "text": "Parcels may be returned within 30 days of delivery."},
    {
        "context_id": "c2",
        "title": "Costs",
        "text": "Lamps are sold.\n" * 60 + "The customer pays the postage of a return.",
    },
]
HOSTILE = "[red]x[/] [/] [@click=app.quit]quit[/] \x1b[31m\x07 \u202eabc 👩‍👩‍👧‍👦 مرحبا \t\r\n"


def supports(answer, *found):
    """Sentences of the answer with support and nearest passage."""
    return [
        {"start": span.start, "end": span.end, "support": support, "level": "lexical", "context_id": context_id}
        for span, (support, context_id) in zip(sentence_spans(answer), found, strict=True)
    ]


def put(home, *rows):
    """Queue tasks with these fields, ``task-1`` first."""
    new = []
    for number, row in enumerate(rows, start=1):
        fields = {"question": f"Question {number}?", "answer": "An answer.", "why": "least certain"} | row
        task = AnnotationTask(
            task_id=f"task-{number}", question_key=sha256_json(number), tenant_id="t", trace_id=f"trace-{number}",
            position=number, estimated_minutes=2, **fields,
        )  # fmt: skip
        new.append(
            NewTask(
                task_id=task.task_id, question_key=task.question_key, tenant_id="t", position=number,
                payload=task.model_dump(mode="json"),
            )
        )  # fmt: skip
    enqueue(home.ledger, new, "run-1", AT)


@pytest.fixture
def queue(home):
    """Three tasks; the first has sentences that are supported and not."""
    sentences = supports(ANSWER, (0.9, "c1"), (0.1, "c2"))
    put(home, {"answer": ANSWER, "contexts": PASSAGES, "sentences": sentences}, {}, {})
    return home.ledger


@asynccontextmanager
async def screen(home, size=(100, 32), **options):
    """The screen with its first task, as ann."""
    session = Session(Terminal(as_json=False, root=home.root, debug=False), "ann", minutes=30, run_id=None)
    session.advance()
    app = AnnotationApp(session, **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot
    session.stop()


def pressed(home, *keys, size=(100, 32), **options):
    """Press the keys, then give everything that is shown, top to bottom."""

    async def go():
        async with screen(home, size, **options) as (app, pilot):
            for key in keys:
                await pilot.press(key)
            await pilot.pause()
            return text(app)

    return asyncio.run(go())


def text(app):
    return "\n".join(str(each.render()) for each in app.screen.query(Static) if each.display)


def on_screen(app):
    """The characters that can be seen, without what is scrolled away."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def answer_of(ledger, task_id):
    found = [each.answer for each in annotations_for(ledger) if each.task_id == task_id]
    return found[0] if found else None


def status(ledger):
    return [task.status for task in tasks(ledger)]


def test_a_task_is_shown_with_everything_that_helps_to_answer_it(home):
    put(
        home,
        {
            "history": [{"speaker": "user", "text": "Hello there."}], "contexts": PASSAGES, "answer": ANSWER,
            "sentences": supports(ANSWER, (0.9, "c1"), (0.4, "c2")), "failure_type": "hallucination",
            "triage_reason": "Groundedness is 0.41.", "confidence": 0.71, "group_label": "return postage",
            "n_annotators": 2,
        },
        {},
    )  # fmt: skip
    shown = pressed(home, size=(120, 40))
    for part in (
        "Task 1 of 2", "about 4 min left", "about 2 min", "least certain", "2 people are asked", "tion, 71% sure",
        "Groundedness is 0.41.", "return postage", "Hello there.", "Question 1?", "Returns", "Lamps are sold.",
        "✓ Parcels go back within 30 days.", "~ We pay the postage", "unsupported",
    ):  # fmt: skip
        assert part in shown, part


def test_the_least_supported_sentence_is_marked_first_and_keys_move_on(home, queue):
    assert "2  Costs  ◀ nearest" in pressed(home)
    assert "1  Returns  ◀ nearest" in pressed(home, "down")
    assert "2  Costs  ◀ nearest" in pressed(home, "down", "down")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_the_nearest_passage_is_scrolled_to_the_words_that_it_shares(home, queue, size):
    async def go():
        async with screen(home, size) as (app, pilot):
            await pilot.pause()
            return on_screen(app)

    shown = asyncio.run(go())
    assert "The customer pays the postage of a return." in shown  # below sixty lines about lamps
    assert "Parcels may be returned within" not in shown


def test_keys_make_an_answer_and_enter_stores_it(home, queue):
    pressed(home, "3", "t", "o", "n", *"seen", "ctrl+s", "enter")
    assert answer_of(queue, "task-1") == {
        "verdict": "hallucination", "expected_behaviour": "abstain", "expected_answer": None, "note": "seen",
        "support": "none",
    }  # fmt: skip
    assert status(queue) == ["completed", "pending", "pending"]  # the second was given back at the end


def test_an_answer_in_order_is_expected_as_it_was_given(home, queue):
    pressed(home, "1", "enter")
    assert answer_of(queue, "task-1")["expected_answer"] == ANSWER


def test_the_editor_begins_with_the_given_answer_and_what_is_typed_is_redacted(home, queue):
    pressed(home, "1", "e", *" Ask jane.doe@example.com", "ctrl+s", "enter")
    stored = answer_of(queue, "task-1")["expected_answer"]
    assert stored.startswith(ANSWER + " Ask [")
    assert "jane" not in stored


def test_problems_are_explained_in_place_and_nothing_is_stored(home, queue):
    assert "choose a verdict" in pressed(home, "enter")
    assert "write the answer that was expected" in pressed(home, "3", "a", "enter")
    assert annotations_for(queue) == []


def test_a_skip_wants_a_reason_and_redacts_it(home, queue):
    assert "say why" in pressed(home, "s", "enter")
    assert "Task 2 of 3" in pressed(home, "s", *"ask jane.doe@example.com", "enter")
    assert status(queue) == ["skipped", "pending", "pending"]
    reasons = [event.details["reason"] for event in task_history(queue, "task-1") if event.event == "skipped"]
    assert len(reasons) == 1
    assert "jane" not in reasons[0]


def test_one_can_go_back_and_change_an_answer(home, queue):
    shown = pressed(home, "3", "t", "enter", "u")
    assert "answered before" in shown
    pressed(home, "4", "t", "enter", "u", "5", "enter", "2", "b", "enter")
    assert answer_of(queue, "task-2") == answer_of(queue, "task-2") | {"verdict": "safety_violation"}
    assert answer_of(queue, "task-3") == answer_of(queue, "task-3") | {"verdict": "retrieval_failure"}


def test_stopping_gives_the_task_back_but_asks_before_an_answer_is_lost(home, queue):
    async def go():
        async with screen(home) as (app, pilot):
            await pilot.press("3", "q")
            await pilot.pause()
            assert "q again leaves it" in text(app)
            assert app.is_running
            await pilot.press("q")

    asyncio.run(go())
    assert status(queue) == ["pending"] * 3
    assert [event.event for event in task_history(queue, "task-1")][-1] == "released"


def test_the_end_of_the_queue_is_said_and_can_be_left_backwards(home, queue):
    one = ("3", "t", "enter")
    assert "No task is waiting" in pressed(home, *one, *one, *one)


def test_back_from_the_end_shows_the_last_task(home, queue):
    one = ("3", "t", "enter")
    assert "Question 3?" in pressed(home, *one, *one, *one, "u")


def test_asked_for_one_task_the_screen_closes_after_it(home, queue):
    pressed(home, "3", "t", "enter", once=True)
    assert [event.event for event in task_history(queue, "task-2")] == ["enqueued"]


def lapse(monkeypatch, session, minutes=31):
    """Let the hold's time pass, for the session as for the ledger."""
    later = type(
        "Later", (datetime,), {"now": classmethod(lambda cls, zone: datetime.now(zone) + timedelta(minutes=minutes))}
    )
    monkeypatch.setattr("apps.cli.annotation.session.datetime", later)
    monkeypatch.setattr(asking, "datetime", later)
    assert session.hold() == "ended"


def test_a_hold_that_ended_is_explained_and_taken_again_by_the_next_key(home, queue, monkeypatch):
    async def go():
        async with screen(home) as (app, pilot):
            session = app.screen._session
            lapse(monkeypatch, session)
            app.screen._look_after_hold()
            await pilot.pause()
            assert "has ended, as no key was pressed" in text(app)
            await pilot.press("3")
            await pilot.pause()
            assert session.hold() == "held"
            assert "has ended" not in text(app)

    asyncio.run(go())


def test_a_task_that_somebody_took_is_explained_and_nothing_typed_is_lost(home, queue, monkeypatch):
    async def go():
        async with screen(home) as (app, pilot):
            lapse(monkeypatch, app.screen._session)
            now = datetime.now(UTC) + timedelta(minutes=31)
            assert claim_next(queue, "bob", now, now + timedelta(minutes=30)).task_id == "task-1"
            await pilot.press("3", "t")
            await pilot.pause()
            assert "not free any more" in text(app)
            await pilot.press("enter")
            await pilot.pause()
            assert "bob" in text(app)
            assert app.screen._visit.draft.verdict == "hallucination"
            await pilot.press("s", *"theirs", "enter")
            await pilot.pause()
            assert "Question 2?" in text(app)

    asyncio.run(go())
    assert annotations_for(queue) == []


def test_a_hold_is_renewed_only_when_less_than_half_of_it_is_left(home, queue, monkeypatch):
    terminal = Terminal(as_json=False, root=home.root, debug=False)
    session = Session(terminal, "ann", minutes=30, run_id=None)
    session.advance()
    assert session.renew() == "held"
    assert [event.event for event in task_history(queue, "task-1")] == ["enqueued", "claimed"]
    later = type(
        "Later", (datetime,), {"now": classmethod(lambda cls, zone: datetime.now(zone) + timedelta(minutes=20))}
    )
    monkeypatch.setattr("apps.cli.annotation.session.datetime", later)
    monkeypatch.setattr(asking, "datetime", later)
    assert session.renew() == "held"
    assert [event.event for event in task_history(queue, "task-1")] == ["enqueued", "claimed", "renewed"]


def test_renewing_takes_no_other_task(home, queue):
    terminal = Terminal(as_json=False, root=home.root, debug=False)
    task = asking.claim(terminal, "ann", minutes=30)
    answers.submit(queue, task.task_id, "ann", {"verdict": "ok"}, datetime.now(UTC))
    assert not asking.renew(terminal, task, "ann", minutes=30)
    assert status(queue) == ["completed", "pending", "pending"]


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
@pytest.mark.parametrize(
    "row",
    [
        {"question": HOSTILE, "answer": HOSTILE, "why": HOSTILE, "triage_reason": HOSTILE, "group_label": HOSTILE,
         "history": [{"speaker": "user", "text": HOSTILE}],
         "contexts": [{"context_id": HOSTILE, "title": HOSTILE, "text": HOSTILE}]},
        {"answer": None},
        {"answer": "  "},
        {"answer": "x y " * 20_000, "contexts": [{"context_id": "c", "text": "y word. " * 100_000}],
         "sentences": [{"start": 0, "end": 9, "support": 0.5, "level": "lexical", "context_id": "c"}]},
        {"answer": "short", "sentences": [
            {"start": 2, "end": 900, "support": 0.5, "level": "lexical", "context_id": None},
            {"start": 0, "end": 3, "support": 0.5, "level": "lexical", "context_id": "gone"},
            {"start": 1, "end": 4, "support": 0.5, "level": "lexical", "context_id": "gone"}]},
        {"contexts": [{"context_id": f"c{n}", "text": "A passage."} for n in range(150)]},
    ],
    ids=["hostile", "no answer", "blank", "huge", "broken sentences", "many passages"],
)  # fmt: skip
def test_no_task_breaks_the_screen(home, row, size):
    put(home, row)
    shown = pressed(home, "down", "pagedown", "1", "e", "escape", size=size)
    assert "Verdict" in shown
    assert "\x1b" not in shown


def test_markup_is_shown_as_it_was_written(home):
    put(home, {"question": "[bold]a[/bold] [/]", "answer": "[red]b[/red]"})
    shown = pressed(home)
    assert "[bold]a[/bold] [/]" in shown
    assert "[red]b[/red]" in shown


def test_the_guidelines_open(home, queue):
    async def go():
        async with screen(home) as (app, pilot):
            await pilot.press("g")
            await pilot.pause()
            assert "uidelines" in app.export_screenshot()

    asyncio.run(go())


def test_what_could_steer_a_terminal_becomes_visible_and_keeps_its_place():
    shown = visible(HOSTILE)
    assert len(shown) == len(HOSTILE)
    assert not any(each in shown for each in "\x1b\x07\u202e\t\r")
    assert "👩‍👩‍👧‍👦 مرحبا" in shown


def test_an_excerpt_of_a_long_passage_is_taken_where_the_words_are():
    piece = excerpt(
        "nothing here. " * 5_000 + "The postage is paid. " + "nothing here. " * 5_000, "Postage", limit=1_000
    )
    assert [piece.text[span.start : span.end] for span in piece.shared] == ["postage"]
    assert len(piece.text) == 1_000
    assert piece.n_before > 0 < piece.n_after


def test_a_verdict_taken_back_takes_back_the_answer_it_filled_in():
    draft = Draft(given="Given.")
    draft.choose("verdict", "ok")
    assert (draft.behaviour, draft.expected) == ("answer", "Given.")
    draft.choose("verdict", "hallucination")
    assert draft.expected == ""
    draft.expected = "Mine."
    draft.choose("verdict", "ok")
    assert draft.expected == "Mine."


def test_an_abstention_in_order_is_expected_as_one():
    draft = Draft(given="I don't have any information about that.")
    draft.choose("verdict", "ok")
    assert draft.fields() == {
        "verdict": "ok", "expected_behaviour": "abstain", "expected_answer": "", "note": "", "support": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("term", "plain", "fits"), [("xterm", False, True), ("dumb", False, False), ("xterm", True, False)]
)
def test_terminals_that_cannot_and_people_who_wish_get_prompts(monkeypatch, home, term, plain, fits):
    monkeypatch.setenv("TERM", term)
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: True)
    assert asking.screen_fits(Terminal(as_json=False, root=home.root, debug=False), plain=plain) == fits


def test_help_does_not_load_the_screen():
    check = "import sys, apps.cli.main; sys.exit(any(name.startswith('textual') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0


class Tmux:
    """A real terminal of 100 columns and 40 rows, on a server of its own."""

    def __init__(self, folder, command):
        self._socket = folder / "tmux"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        self._call(
            "new-session", "-d", "-x", "100", "-y", "40", f"{command}; echo left with $?; sleep 600", env=environment
        )

    def _call(self, *arguments, env=None):
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    def type(self, *keys):
        self._call("send-keys", *keys)

    def shown(self):
        return self._call("capture-pane", "-p")

    def wait(self, part, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while part not in (shown := self.shown()):
            assert time.monotonic() < deadline, f"{part!r} was not shown, but:\n{shown}"
            time.sleep(0.05)
        return shown

    def close(self):
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_a_real_terminal_one_task_is_answered_one_skipped_and_the_third_given_back(home, queue, tmp_path):
    command = [sys.executable, "-m", "apps.cli.main", "annotate", "next", "--all", "--annotator", "ann"]
    terminal = Tmux(tmp_path, shlex.join([*command, "--home", str(home.root)]))
    try:
        assert "Task 1 of 3" in terminal.wait("Verdict")
        terminal.wait("✗ We pay")
        terminal.wait("The customer pays the postage of a return.")  # scrolled to, below 60 lines about lamps
        terminal.type("Enter")
        terminal.wait("choose a verdict")
        terminal.type("3", "a", "e")
        terminal.wait("The answer that the application should have given")
        terminal.type("-l", "You pay [/] it yourself; ask jane.doe@example.com.")
        terminal.type("C-s")
        terminal.wait("e You pay [/] it yourself")
        terminal.type("Enter")
        terminal.wait("Task 2 of 3")
        terminal.type("s")
        terminal.wait("Why can nobody answer")
        terminal.type("-l", "cut off")
        terminal.type("Enter")
        terminal.wait("Task 3 of 3")
        terminal.type("q")
        shown = terminal.wait("left with 0")
        assert "answered 1, skipped 1; 1 still open" in shown
    finally:
        terminal.close()
    assert status(queue) == ["completed", "skipped", "pending"]
    stored = answer_of(queue, "task-1")
    assert (stored["verdict"], stored["expected_behaviour"]) == ("hallucination", "answer")
    assert stored["expected_answer"].startswith("You pay [/] it yourself; ask [")
    assert [event.event for event in task_history(queue, "task-3")] == ["enqueued", "claimed", "released"]
