"""Texts that try to run, to fetch and to break out, and reports that consist of nothing else."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from millrace.reports.document import Cloud, Document, Figure

_OURS = {"kind", "anchor", "to", "tone", "styles", "paint", "first_number"}  # words of the code, not of a stranger
_OF_DRAWINGS = {"name"}


@dataclass(frozen=True)
class Hostile:
    """Payloads that name a server, which hears of it when one of them worked; ``window.struck`` tells the page."""

    origin: str

    @property
    def texts(self) -> list[str]:
        """One for each way in."""
        run, fetch = "window.struck=1", f"{self.origin}/fetched"
        return [
            f"<script>{run};fetch('{fetch}')</script>",
            f"<img src={fetch} onerror={run}> <svg onload={run}>",
            f"</title></style></script></svg></textarea>--><script>{run}</script><!--",
            f'" onmouseover="{run}" autofocus onfocus="{run}" \' onclick=\'{run}',
            f"<a href=javascript:{run}>go</a> [go](javascript:{run}) [go][1] <javascript:{run}>",
            f"![pixel]({fetch}) [1]: {fetch} <{fetch}> {fetch}",
            f"<iframe src={fetch}></iframe><link rel=stylesheet href={fetch}><base href={self.origin}>",
            f"<style>*{{background:url({fetch})}}</style> <meta http-equiv=refresh content=0;url={fetch}>",
            f"&lt;script&gt;{run}&lt;/script&gt; &#60;img src={fetch}&#62;",
            f"{{{{ 7 * 7 }}}} {{% include '/etc/passwd' %}} {{# gone #}} ${{{run}}} ]]> <![CDATA[ <?php",
            f"| a | b |\n| --- | --- |\n\n# heading\n\n> quote\n```\n<script>{run}</script>\n",
            f"\\<script>{run}</script> \\` `<script>{run}</script>` \\",
        ]

    @property
    def all_of_them(self) -> str:
        return " ".join(self.texts)


def poisoned(document: Document, text: str) -> Document:
    """The document with that text wherever the text of a trace, a person or a setting could stand."""
    return _poisoned(document, text)  # type: ignore[no-any-return]


def _poisoned(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(_poisoned(each, text) for each in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    ours = _OURS | (_OF_DRAWINGS if isinstance(value, Figure | Cloud) else set())
    names = [field.name for field in dataclasses.fields(value) if field.name not in ours]
    return dataclasses.replace(value, **{name: _poisoned(getattr(value, name), text) for name in names})
