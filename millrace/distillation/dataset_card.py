"""The dataset card of an export: what the files are, where every row comes from, and how to check it (D10)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import yaml
from pydantic import Field

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.card_texts import COLUMN_MEANINGS, LOADING, NOTHING_TO_LOAD, TASKS, TITLES, WHAT_IT_IS
from millrace.distillation.export_files import PARQUET_FILE, WrittenExport
from millrace.distillation.export_form import COLUMNS
from millrace.methods.markdown import plain
from millrace.records.base import Identifier, Record
from millrace.records.evidence import Export

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LARGER = "n>10M"
_HUB_LICENCES = (
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "mpl-2.0", "gpl-2.0", "gpl-3.0"),
    *("cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
    *("cc-by-nd-4.0", "cc-by-nc-nd-4.0", "odc-by", "odbl", "pddl", "cdla-permissive-1.0", "cdla-permissive-2.0"),
)
_VALUES_SHOWN = 50


class ExportAbout(Record):
    """What the exports were made from, for their cards and for whoever verifies them."""

    evidence: DatasetRef
    scores: DatasetRef
    contamination: DatasetRef
    scoring_rules: Identifier = Field(description="Name and version of the rule table, as 'default 3'")
    quarantines: dict[Export, DatasetRef] = Field({}, description="What each export refused")
    quarantined: dict[Export, dict[str, int]] = Field({}, description="Refused rows of each export by reason")
    eval_examples: DatasetRef | None = Field(None, description="What rows were compared with; None: with nothing")
    near_match: bool = Field(False, description="Whether meanings were compared by embedding too")
    licences: dict[Identifier, str | None] = Field({}, description="Licence of each stream; None: not known")


@dataclass(frozen=True)
class _Licences:
    """What the streams of one export say of their licences."""

    by_stream: Mapping[str, str | None]

    @property
    def header(self) -> dict[str, str]:
        """``license`` takes an identifier that the hub knows; anything else is ``other`` with a name."""
        known = {each for each in self.by_stream.values() if each is not None}
        if not known or None in self.by_stream.values():
            return {"license": "unknown"}
        only = next(iter(known)) if len(known) == 1 else None
        if only is not None and only.lower() in _HUB_LICENCES:
            return {"license": only.lower()}
        return {"license": "other", "license_name": only or "several, see below"}


def dataset_card(written: WrittenExport, rows: DatasetRef, about: ExportAbout) -> str:
    """The README.md of an export: a header that Hugging Face's tools read, then Markdown.

    It holds no time and no name of a run: equal exports have equal cards.

    Args:
        written: the data files that lie beside it.
        rows: the dataset whose rows they hold.
    """
    licences = _Licences({stream: about.licences.get(stream) for stream in _streams(written)})
    sections = [
        f"# {TITLES[written.export]}",
        WHAT_IT_IS[written.export],
        _counts(written, about),
        _licence_section(licences),
        _lineage(written, rows, about),
        _columns(written.export),
        LOADING[written.export] if written.rows else NOTHING_TO_LOAD,
    ]
    header = yaml.safe_dump(_header(written, licences), sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n" + "\n\n".join(sections) + "\n"


def _header(written: WrittenExport, licences: _Licences) -> dict[str, object]:
    size = next((name for below, name in _SIZES if written.rows < below), _LARGER)
    return {
        "pretty_name": TITLES[written.export],
        **licences.header,
        "task_categories": TASKS[written.export],
        "size_categories": [size],
        "tags": ["millrace", written.export],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": PARQUET_FILE}]}],
    }


def _streams(written: WrittenExport) -> list[str]:
    counted = (counts for column, counts in written.counts.items() if column.endswith("provenance.stream"))
    return sorted({stream for counts in counted for stream in counts})


def _counts(written: WrittenExport, about: ExportAbout) -> str:
    tables = [_counted(column, counts) for column, counts in written.counts.items() if counts]
    refused = about.quarantined.get(written.export, {})
    reasons = (
        _table(["refused for", "rows"], sorted(refused.items()))
        if any(refused.values())
        else "Nothing was refused."
        if written.export in about.quarantined
        else "What was refused was not counted."
    )
    return "\n\n".join(["## Counts", f"{written.rows} rows.", *tables, reasons])


def _counted(column: str, counts: Mapping[str, int]) -> str:
    """The most frequent values first: there may be thousands of tenants."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, others = ordered[:_VALUES_SHOWN], ordered[_VALUES_SHOWN:]
    rest = [(f"{len(others)} others", sum(count for _, count in others))] if others else []
    return _table([column, "rows"], [*((_as_text(value), count) for value, count in shown), *rest])


def _licence_section(licences: _Licences) -> str:
    rows = [(_as_text(stream), _as_text(licence or "not known")) for stream, licence in licences.by_stream.items()]
    warning = ["Ask the owner of a stream whose licence is not known before this data leaves your organisation."]
    body = [_table(["stream", "licence"], rows)] if rows else ["No rows, so no licences."]
    unknown = warning if None in licences.by_stream.values() else []
    return "\n\n".join(["## Licences", *body, *unknown])


def _lineage(written: WrittenExport, rows: DatasetRef, about: ExportAbout) -> str:
    files = _table(["file", "bytes", "sha256"], [(f.name, f.n_bytes, f"`{f.sha256}`") for f in written.files])
    made_from = [("rows", rows), ("evidence", about.evidence), ("scores", about.scores)]
    made_from.append(("contamination", about.contamination))
    if written.export in about.quarantines:
        made_from.append(("refused", about.quarantines[written.export]))
    datasets = _table(
        ["dataset", "rows", "content hash"], [(name, ref.rows, f"`{ref.name}`") for name, ref in made_from]
    )
    return "\n\n".join(
        [
            "## Lineage",
            files,
            datasets,
            f"Scoring rules: {_as_text(about.scoring_rules)}.",
            _decontamination(about),
            "Every row names its source by file, offset and sha256 in `provenance`; user ids are left out. Where this "
            "was made, the folder above this one is named by the run: `millrace verify RUN` hashes all of it again, "
            "and `millrace trace-back train.jsonl:1` walks a row back to the bytes it came from.",
        ]
    )


def _decontamination(about: ExportAbout) -> str:
    examples = about.eval_examples
    if examples is None or not examples.rows:
        return "Decontamination: **compared with no eval examples.**"
    how = "words and meanings" if about.near_match else "words"
    return f"Decontamination: {how} compared with {examples.rows} eval examples, `{examples.name}`."


def _columns(export: Export) -> str:
    return "## Columns\n\n" + _table(
        ["column", "meaning"], [(f"`{name}`", COLUMN_MEANINGS[name]) for name in COLUMNS[export]]
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_line(columns), "|---" * len(columns) + "|", *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(each) for each in cells) + " |"


def _cell(value: object) -> str:
    return " ".join(str(value).split())


def _as_text(name: str) -> str:
    """A stream, tenant or model may have any name; it must stay in its cell and show as itself."""
    return plain(name).replace("\\_", "_")  # which emphasise nothing inside of words
