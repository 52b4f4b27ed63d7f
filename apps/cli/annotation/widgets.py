"""What the annotation screen shows: the task's head, the conversation, the passages and the answer form."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from apps.cli.annotation.draft import CHOICES, Draft
from apps.cli.annotation.session import Progress, Visit
from apps.cli.annotation.text import SHOWN_CHARACTERS, Excerpt, beginning, excerpt, visible
from millrace.annotation.support import SupportLevel, sentences_within, support_level
from millrace.records.annotation import AnnotationTask
from millrace.records.groundedness import SentenceSupport

MARKS: dict[SupportLevel, str] = {"supported": "✓", "doubtful": "~", "unsupported": "✗"}
_STYLES: dict[SupportLevel, str] = {
    "supported": "$text-success",
    "doubtful": "$text-warning italic",
    "unsupported": "$text-error underline",
}
_MAX_PASSAGES = 100
_BAR = 12  # characters
_LABEL = 9  # characters
_EXPECTED_SHOWN = 400  # characters; the whole is in the editor


class TaskHead(Static):
    """Where the person stands, and why this task is asked; a line each on a short terminal."""

    def show(self, visit: Visit, progress: Progress, annotator: str, *, short: bool) -> None:
        asked = visit.asked
        filled = round(_BAR * (progress.place - 1) / max(1, progress.n_tasks))
        first = Content.assemble(
            (f"Task {progress.place} of {progress.n_tasks} ", "bold"),
            ("━" * filled, "$accent"),
            ("━" * (_BAR - filled), "dim"),
            f"  {_minutes(progress.minutes_left)} left",
            (f" · this one {_minutes(asked.estimated_minutes)} · {annotator}", "dim"),
            (_outcome(visit), "bold $text-warning"),
        )
        rows = [first, *_why(asked)]
        if short:
            width = max(1, self.app.size.width - 2)
            rows = [row.truncate(width, ellipsis=True) for row in rows]
        self.update(Content("\n").join(rows))


class Conversation(VerticalScroll, can_focus=False):
    """Earlier turns, the question, and the answer with each sentence marked by its support."""

    def compose(self) -> ComposeResult:
        yield Static(id="history")
        yield Static(id="question")
        yield Static(id="answer")
        yield Static(id="legend")

    def show(self, asked: AnnotationTask) -> None:
        history = self.query_one("#history", Static)
        turns = (Content.assemble((f"{turn.speaker}: ", "bold"), beginning(turn.text)) for turn in asked.history)
        history.update(Content("\n").join(turns))
        history.display = bool(asked.history)
        question = self.query_one("#question", Static)
        question.update(_headed("Question", Content(beginning(asked.question))))
        self.query_one("#legend", Static).update(_legend(bool(asked.sentences)))
        self.call_after_refresh(lambda: self.scroll_to(y=question.virtual_region.y, animate=False))

    def mark(self, asked: AnnotationTask, selected: SentenceSupport | None) -> None:
        """Show the answer with that sentence selected."""
        self.query_one("#answer", Static).update(_answer(asked, selected))

    def reveal(self, asked: AnnotationTask, selected: SentenceSupport) -> None:
        """Scroll to the sentence."""
        answer = self.query_one("#answer", Static)
        before = _answer(asked.model_copy(update={"answer": (asked.answer or "")[: selected.start + 1]}), None)
        line = len(before.wrap(max(1, answer.content_size.width))) - 1
        self.scroll_to(y=answer.virtual_region.y + line - self.size.height // 3, animate=False)


class Passages(VerticalScroll, can_focus=False):
    """The passages, with the one nearest to the selected sentence and the words that both share."""

    async def show(self, asked: AnnotationTask) -> None:
        await self.remove_children()
        found = asked.contexts[:_MAX_PASSAGES]
        await self.mount_all(Static(classes="passage") for _ in found)
        left_out = len(asked.contexts) - len(found)
        if left_out or not found:
            await self.mount(Static(f"… {left_out} more passages" if left_out else "No passage was given."))
        self.scroll_home(animate=False)

    def mark(self, asked: AnnotationTask, selected: SentenceSupport | None) -> None:
        """Highlight the passage and the words of that sentence, and scroll to them."""
        sentence = None if selected is None else (asked.answer or "")[selected.start : selected.end]
        for rank, (shown, context) in enumerate(zip(self.query(".passage"), asked.contexts, strict=False), start=1):
            nearest = selected is not None and selected.context_id == context.context_id
            piece = excerpt(context.text, sentence if nearest else None)
            title = f"{rank}  {visible(context.title or context.context_id)}"
            if isinstance(shown, Static):
                shown.set_class(nearest, "-nearest")
                shown.update(_passage(title, piece, nearest=nearest))
                if nearest:
                    self.call_after_refresh(self._reveal, shown, piece)

    def _reveal(self, shown: Static, piece: Excerpt) -> None:
        line = 0
        if piece.nearest is not None:
            width = max(1, shown.content_size.width)
            line = len(Content(piece.text[: piece.nearest.start + 1]).wrap(width)) + bool(piece.n_before)
        fits = line + 1 < self.size.height
        target = shown.virtual_region.y + (0 if fits else line - self.size.height // 3)
        self.scroll_to(y=target, animate=False)


class AnswerForm(Static):
    """The choices with their keys, what is typed, and what is wrong with it."""

    def show(self, draft: Draft, problems: Iterable[str]) -> None:
        width = max(20, self.app.size.width - 2)
        chips = {what: _chips(what, getattr(draft, what)) for what in CHOICES}
        rows = _flow("Verdict", chips["verdict"], width)
        behaviour = _flow("Should", chips["behaviour"], width)
        support = _flow("Support", chips["support"], width)
        both = Content.assemble(behaviour[-1], "    ", support[0])
        rows += [both] if len(behaviour) == len(support) == 1 and both.cell_length <= width else behaviour + support
        if draft.behaviour == "answer":
            rows.append(_typed("e", "Expected", draft.expected, "press e to write the answer it should have given"))
        rows.append(_typed("n", "Note", draft.note, "press n to write one"))
        rows.extend(Content.styled(f"✗ {problem}", "bold $text-error") for problem in problems)
        self.update(Content("\n").join(rows))


def shown_sentences(asked: AnnotationTask) -> list[SentenceSupport]:
    """The measured sentences of as much of the answer as is shown."""
    return sentences_within((asked.answer or "")[:SHOWN_CHARACTERS], asked.sentences)


def keys_line(keys: Iterable[tuple[str, str]]) -> Content:
    """Keys and what they do, in one line."""
    pieces = (Content.assemble((key, "bold $accent"), f" {what}") for key, what in keys)
    return Content("  ").join(pieces)


def _minutes(minutes: float) -> str:
    return f"about {minutes:.0f} min" if minutes >= 1 else "under 1 min"


def _outcome(visit: Visit) -> str:
    return "" if visit.outcome == "open" else f"  {visit.outcome} before: Enter stores a change"


def _why(asked: AnnotationTask) -> list[Content]:
    triage = asked.failure_type.replace("_", " ") if asked.failure_type else "in order"
    sure = "" if asked.confidence is None else f", {asked.confidence:.0%} sure"
    reason = f": {' '.join(visible(asked.triage_reason).split())}" if asked.triage_reason else ""
    group = f"  Group: {visible(asked.group_label)}" if asked.group_label else ""
    several = f"{asked.n_annotators} people are asked, each alone; " if asked.n_annotators > 1 else ""
    return [
        Content.assemble(("Asked   ", "bold"), several, " ".join(visible(asked.why).split())),
        Content.assemble(("Triage  ", "bold"), f"{triage}{sure}{reason}", (group, "dim")),
    ]


def _headed(head: str, body: Content) -> Content:
    return Content("\n").join([Content.styled(head, "bold $accent"), body])


def _answer(asked: AnnotationTask, selected: SentenceSupport | None) -> Content:
    text = (asked.answer or "")[:SHOWN_CHARACTERS]
    if not text.strip():
        return _headed("Answer", Content.styled("(no answer)", "italic dim"))
    pieces: list[Content] = []
    place = 0
    for each in shown_sentences(asked):
        level = support_level(each.support)
        marked = Content(f"{MARKS[level]} {visible(text[each.start : each.end])}")
        pieces += [Content(visible(text[place : each.start]))]
        pieces += [marked.stylize(_STYLES[level] + (" bold reverse" if each is selected else ""))]
        place = each.end
    pieces.append(Content(beginning((asked.answer or "")[place:], limit=max(0, SHOWN_CHARACTERS - place))))
    return _headed("Answer", Content.empty().join(pieces))


def _legend(measured: bool) -> Content:
    if not measured:
        return Content.styled("How far the passages support the answer was not measured.", "dim")
    levels = [Content.styled(f"{mark} {level}", _STYLES[level]) for level, mark in MARKS.items()]
    return Content("   ").join([*levels, Content.styled("↑↓ next sentence", "dim")])


def _passage(title: str, piece: Excerpt, *, nearest: bool) -> Content:
    head = Content.styled(title, "bold")
    if nearest:
        how = "◀ nearest to the marked sentence" if piece.shared else "◀ nearest, but without a common word"
        head = Content.assemble(head, ("  " + how, "bold $accent"))
    body = Content(piece.text)
    if piece.nearest is not None:
        body = body.stylize("bold", piece.nearest.start, piece.nearest.end)
    for span in piece.shared:
        body = body.stylize("$text-accent underline", span.start, span.end)
    rows = [head]
    if piece.n_before:
        rows.append(Content.styled(f"[… {piece.n_before:,} characters before]", "dim"))
    rows.append(body)
    if piece.n_after:
        rows.append(Content.styled(f"[… {piece.n_after:,} characters more]", "dim"))
    return Content("\n").join(rows)


def _chips(what: str, chosen: str | None) -> list[Content]:
    """The choices; the one that is made is marked, and set off in reverse."""
    chips = []
    for key, name in CHOICES[what].items():
        made = name == chosen
        label = Content.styled(f" {name.replace('_', ' ')} ", "bold reverse" if made else "")
        label = label.stylize(f"@click=screen.choose('{what}','{name}')")
        chips.append(Content.assemble(("●" if made else " ", "$accent"), (key, "bold $accent"), label))
    return chips


def _flow(label: str, chips: list[Content], width: int) -> list[Content]:
    """The chips in as many rows as they need, each whole."""
    rows, row = [], Content.styled(f"{label:<{_LABEL}}", "bold")
    for chip in chips:
        if row.cell_length + chip.cell_length > width and row.cell_length > _LABEL:
            rows.append(row)
            row = Content(" " * _LABEL)
        row = row.append(chip)
    return [*rows, row]


def _typed(key: str, label: str, text: str, otherwise: str) -> Content:
    shown = " ".join(visible(text).split())
    if len(shown) > _EXPECTED_SHOWN:
        shown = f"{shown[:_EXPECTED_SHOWN]}…"
    body = Content(shown) if shown else Content.styled(otherwise, "dim")
    return Content.assemble((f"{label:<{_LABEL}}", "bold"), (f" {key} ", "bold $accent"), body)
