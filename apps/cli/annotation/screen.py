"""The annotation screen: question, answer and passages side by side, answered with single keys (A30)."""

import time
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from apps.cli.annotation.dialogs import Editor, Page, Reason
from apps.cli.annotation.draft import CHOICES
from apps.cli.annotation.help import HELP, about, guidelines
from apps.cli.annotation.session import Session, Visit
from apps.cli.annotation.styles import STYLES
from apps.cli.annotation.widgets import AnswerForm, Conversation, Passages, TaskHead, keys_line, shown_sentences
from apps.cli.terminal import Terminal, lines
from millrace.records.groundedness import SentenceSupport

_LOOK_EVERY_S = 15.0
_WIDE, _TALL = 100, 30  # columns and rows from which there is room to spare
_KEYS = (
    ("enter", "store"), ("e", "expected"), ("n", "note"), ("s", "skip"), ("u", "back"), ("g", "guidelines"),
    ("?", "all keys"), ("q", "stop"),
)  # fmt: skip


def run(terminal: Terminal, annotator: str, minutes: int, run_id: str | None, *, once: bool = False) -> int:
    """Ask on a full screen until the person stops, or no task is left.

    Args:
        minutes: how long a task is held without a key being pressed.
        run_id: only tasks of this run; None for all.
        once: stop after one task.

    Returns:
        The exit code, 0.
    """
    session = Session(terminal, annotator, minutes=minutes, run_id=run_id)
    if session.advance() is None:
        terminal.show({"task": None}, lines("no task is waiting"))
        return 0
    try:
        AnnotationApp(session, once=once).run()
    finally:
        session.stop()
    done = f"answered {session.count('answered')}, skipped {session.count('skipped')}"
    left = session.progress()
    n_open = left.n_tasks - sum(session.count(each) for each in ("answered", "skipped", "left"))
    terminal.show({}, lines(f"{done}; {n_open} still open"))
    return 0


class AnnotationApp(App[None]):
    """Shows one session; it begins with the session's first task claimed."""

    CSS = STYLES
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - Textual declares no class variable
    VERTICAL_BREAKPOINTS = [(0, "-short"), (_TALL, "-tall")]  # noqa: RUF012
    TITLE = "millrace annotate"

    def __init__(self, session: Session, *, once: bool = False) -> None:
        super().__init__()
        self._session, self._once = session, once

    def on_mount(self) -> None:
        self.push_screen(AnnotationScreen(self._session, once=self._once))


class AnnotationScreen(Screen[None]):
    """One task at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"choose('{what}','{name}')") for what, keys in CHOICES.items() for key, name in keys.items()),
        Binding("enter,ctrl+s", "submit"),
        Binding("e", "expected"),
        Binding("n", "note"),
        Binding("s", "skip"),
        Binding("u", "back"),
        Binding("g", "guidelines"),
        Binding("question_mark", "keys"),
        Binding("q", "stop"),
        Binding("ctrl+c,ctrl+q", "stop", priority=True),
        Binding("down,j,tab", "sentence(1)"),
        Binding("up,k,shift+tab", "sentence(-1)"),
        Binding("pagedown", "scroll_passages(1)"),
        Binding("pageup", "scroll_passages(-1)"),
        Binding("right_square_bracket", "scroll_conversation(1)"),
        Binding("left_square_bracket", "scroll_conversation(-1)"),
    ]

    def __init__(self, session: Session, *, once: bool = False) -> None:
        super().__init__()
        self._session, self._once = session, once
        self._problems: list[str] = []
        self._sentences: list[SentenceSupport] = []
        self._selected = 0
        self._used_at = time.monotonic()
        self._renewed_at = self._used_at
        self._leaving = False

    def compose(self) -> ComposeResult:
        yield TaskHead(id="head")
        yield Static(id="hold")
        with Container(id="body"):
            yield Conversation(id="conversation")
            yield Passages(id="passages")
        yield AnswerForm(id="form")
        yield Static(keys_line(_KEYS), id="keys")

    async def on_mount(self) -> None:
        self.set_interval(_LOOK_EVERY_S, self._look_after_hold)
        await self._show_task()

    def on_resize(self) -> None:
        self._show_head()
        self._show_form()

    def on_key(self, _event: events.Key) -> None:
        self._used_at = time.monotonic()
        if self._session.hold() != "held":
            self._look_after_hold()

    # What keys do

    def action_choose(self, what: str, name: str) -> None:
        if self._visit is not None:
            self._visit.draft.choose(what, name)
            self._settle()

    async def action_submit(self) -> None:
        if self._visit is None:
            self.action_stop()
            return
        self._problems = self._session.submit()
        await self._after(stored="stored")

    def action_expected(self) -> None:
        visit = self._visit
        if visit is None:
            return
        draft = visit.draft
        start = draft.expected or ((draft.given or "") if draft.verdict == "ok" else "")
        self._edit("The answer that the application should have given", start, "expected")

    def action_note(self) -> None:
        if self._visit is not None:
            self._edit("Note", self._visit.draft.note, "note")

    def action_skip(self) -> None:
        async def skip(reason: str | None) -> None:
            if reason is not None:
                self._problems = self._session.skip(reason)
                await self._after(stored="skipped")

        if self._visit is not None:
            self.app.push_screen(Reason("Why can nobody answer this task?"), skip)

    async def action_back(self) -> None:
        if self._session.back():
            self._problems = []
            await self._show_task()
        else:
            self.notify("this is the first task of this sitting", markup=False)

    def action_guidelines(self) -> None:
        self.app.push_screen(Page(guidelines()))

    def action_keys(self) -> None:
        self.app.push_screen(Page(HELP + ("" if self._visit is None else about(self._visit))))

    def action_stop(self) -> None:
        unstored = self._visit is not None and self._visit.draft.changed
        if unstored and not self._leaving:
            self._leaving = True
            self._problems = ["this answer is not stored: enter stores it, q again leaves it"]
            self._show_form()
            return
        self.app.exit()

    def action_sentence(self, step: int) -> None:
        if not self._sentences:
            self.notify("the answer has no sentence that was measured", markup=False)
            return
        self._selected = (self._selected + step) % len(self._sentences)
        self._mark()
        if self._visit is not None:
            self.query_one(Conversation).reveal(self._visit.asked, self._sentences[self._selected])

    def action_scroll_passages(self, pages: int) -> None:
        passages = self.query_one(Passages)
        passages.scroll_relative(y=pages * max(1, passages.size.height - 1), animate=False)

    def action_scroll_conversation(self, pages: int) -> None:
        conversation = self.query_one(Conversation)
        conversation.scroll_relative(y=pages * max(1, conversation.size.height // 2), animate=False)

    # What is shown

    @property
    def _visit(self) -> Visit | None:
        return self._session.visit

    def _edit(self, title: str, text: str, name: str) -> None:
        def keep(typed: str | None) -> None:
            if typed is not None and self._visit is not None:
                setattr(self._visit.draft, name, typed)
                if name == "expected" and typed.strip():
                    self._visit.draft.behaviour = "answer"
                self._settle()

        self.app.push_screen(Editor(title, text), keep)

    def _settle(self) -> None:
        """After a change: problems that were shown are out of date."""
        self._problems = []
        self._leaving = False
        self._show_form()

    async def _after(self, *, stored: str) -> None:
        """After a task was stored or put aside, or could not be."""
        if self._problems:
            self._show_form()
            return
        if self._once:
            self.app.exit()
            return
        self.notify(stored, timeout=2, markup=False)
        self._session.advance()
        await self._show_task()

    async def _show_task(self) -> None:
        visit = self._visit
        self._leaving = False
        self.set_class(visit is None, "-done")
        if visit is None:
            self._show_end()
            return
        self._sentences = shown_sentences(visit.asked)
        self._selected = min(range(len(self._sentences)), key=lambda n: self._sentences[n].support, default=0)
        self._show_head()
        self.query_one(Conversation).show(visit.asked)
        await self.query_one(Passages).show(visit.asked)
        self._mark()
        self._show_form()
        self._look_after_hold()

    def _show_head(self) -> None:
        if self._visit is not None:
            progress, short = self._session.progress(), self.app.size.height < _TALL
            self.query_one(TaskHead).show(self._visit, progress, self._session.annotator, short=short)

    def _mark(self) -> None:
        if self._visit is None:
            return
        selected = self._sentences[self._selected] if self._sentences else None
        self.query_one(Conversation).mark(self._visit.asked, selected)
        self.query_one(Passages).mark(self._visit.asked, selected)

    def _show_form(self) -> None:
        if self._visit is not None:
            self.query_one(AnswerForm).show(self._visit.draft, self._problems)

    def _show_end(self) -> None:
        counted = f"answered {self._session.count('answered')}, skipped {self._session.count('skipped')}"
        text = Content.assemble(
            ("No task is waiting.\n", "bold $accent"), f"In this sitting: {counted}.\n\n", "u goes back, q leaves."
        )
        self.query_one(AnswerForm).update(text)

    def _look_after_hold(self) -> None:
        """Hold the task longer while the person works; say so when the hold has ended."""
        if self._used_at > self._renewed_at or self._session.hold() == "held":
            hold = self._session.renew() if self._used_at > self._renewed_at else self._session.hold()
            self._renewed_at = time.monotonic()
        else:
            hold = self._session.hold()
        banner = self.query_one("#hold", Static)
        banner.display = hold != "held"
        if hold == "ended":
            banner.update("Your hold on this task has ended, as no key was pressed. The next key takes it again.")
        elif hold == "taken":
            banner.update(
                "Your hold on this task has ended, and it is not free any more. Nothing you typed is lost: enter still "
                "tries to store it, s passes on."
            )
