"""What opens over the annotation screen: editors, the guidelines, the list of keys."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Markdown, Static, TextArea


class Editor(ModalScreen[str | None]):
    """Several lines of text; gives them, or None when nothing is to change."""

    # No priority: the keys wait in the editor's line behind what was typed before them.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "keep"), Binding("escape", "leave")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -editor"):
            yield Static(Content.styled(self._title, "bold $accent"))
            yield TextArea(self._text, tab_behavior="focus", highlight_cursor_line=False)
            yield Static(Content.styled("ctrl+s keeps it · esc leaves it as it was", "dim"))

    def on_mount(self) -> None:
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        area.focus()

    def action_keep(self) -> None:
        self.dismiss(self.query_one(TextArea).text)

    def action_leave(self) -> None:
        self.dismiss(None)


class Reason(ModalScreen[str | None]):
    """One line of text; gives it, or None when the person thinks better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave")]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -line"):
            yield Static(Content.styled(self._title, "bold $accent"))
            yield Input(placeholder="for example: the passages are cut off")
            yield Static(Content.styled("enter skips the task · esc goes back to it", "dim"), id="hint")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss(event.value)
            return
        problem = Content.styled("✗ say why nobody can answer it · esc goes back to it", "bold $text-error")
        self.query_one("#hint", Static).update(problem)

    def action_leave(self) -> None:
        self.dismiss(None)


class Page(ModalScreen[None]):
    """Markdown to read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,g,enter,question_mark", "leave", priority=True),
        Binding("down,j", "scroll(1)", priority=True),
        Binding("up,k", "scroll(-1)", priority=True),
        Binding("pagedown,space", "scroll(10)", priority=True),
        Binding("pageup", "scroll(-10)", priority=True),
    ]

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self._markdown = markdown

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -page"):
            with VerticalScroll(can_focus=False):
                yield Markdown(self._markdown, open_links=False)
            yield Static(Content.styled("↑↓ scroll · esc closes", "dim"))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        self.dismiss(None)
