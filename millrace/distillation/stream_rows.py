"""One line of a stream's file at a time: from its bytes to the values of its records, or to why it has none."""

import json
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from millrace.distillation.evidence import marker
from millrace.distillation.stream_mapping import IDENTIFIERS, LISTS, PROVENANCE, RecordSources, StreamMapping
from millrace.distillation.stream_sources import Scalar, ScalarSource, TurnsSource, as_scalar
from millrace.errors import BadInputError
from millrace.methods.field_paths import MISSING, Ambiguous, FieldPath
from millrace.records.trace import UtcTime

MAX_ROW_BYTES = 16 * 2**20
MAX_DEPTH = 200
IDENTIFIER_LENGTH = 512
SPEAKERS = ("user", "assistant", "system")
SPLITS = ("eval", "train")
Values = dict[str, Any]
_TIME: TypeAdapter[datetime] = TypeAdapter(UtcTime)


def object_of(line: bytes) -> dict[str, object]:
    """The JSON object of a line; where a key stands twice, an ``Ambiguous`` one.

    Raises:
        BadInputError: with a ``reason``: too long, nested too deeply, no JSON, or no object.
    """
    if len(line) > MAX_ROW_BYTES:
        raise too_long(len(line))
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        raise BadInputError(f"nested in more than {MAX_DEPTH} levels", reason="too_deep")
    try:
        content = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInputError(f"not UTF-8 at byte {error.start}", reason="not_json") from error
    except json.JSONDecodeError as error:
        raise BadInputError(f"not JSON at character {error.pos}: {error.msg}", reason="not_json") from error
    except ValueError as error:
        raise BadInputError("NaN or an infinity is not JSON", reason="not_json") from error
    if not isinstance(content, dict):
        raise BadInputError("the row is not a JSON object", reason="not_an_object")
    return content


def too_long(n_bytes: int) -> BadInputError:
    """Why a row of so many bytes is not read."""
    return BadInputError(f"{n_bytes} bytes; at most {MAX_ROW_BYTES} are read", reason="too_long")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    return Ambiguous(found, frozenset(key for key in found if keys.count(key) > 1))


def _whole(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads: no double is as large
        return float(digits)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_refuse_constant)


def _depth(line: bytes) -> int:
    deepest = depth = 0
    quoted = escaped = False
    for byte in line:
        if quoted:
            quoted = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


class RowReader:
    """Reads rows by a mapping. ``default_time`` and ``tenant_id`` are for rows that say neither."""

    def __init__(self, mapping: StreamMapping, default_time: datetime | None, tenant_id: str | None) -> None:
        self.variants = mapping.variants
        self._default_time = default_time
        self.tenant_id = tenant_id or "default"
        self._tree = mapping.tree

    def shard(self, row: dict[str, object]) -> str | None:
        """The name of the tree's node that the row is; None for a row of its own."""
        return None if self._tree is None else node_name(self._tree.node, row, "node")

    def piece(self, row: dict[str, object]) -> str | None:
        """What the row says where a record's text lies; None where it says nothing."""
        return _text(self.variants[0].text, row, "text")

    def records(self, row: dict[str, object], text: str | None = None) -> list[Values]:
        """The values of the row's records: all of them, or none where one cannot be taken.

        Args:
            text: the text where the row holds only a piece of it.

        Raises:
            BadInputError: with a ``reason``; a row without provenance says which field it lacks.
        """
        return [self._record(variant, row, text) for variant in self.variants]

    def _record(self, sources: RecordSources, row: dict[str, object], text: str | None) -> Values:
        values: Values = {name: _identifier(getattr(sources, name), row, name) for name in IDENTIFIERS}
        values["tenant_id"] = values["tenant_id"] or self.tenant_id
        values["recorded_at"] = _time(sources.recorded_at, row) or self._default_time
        values["prompt"] = _text(sources.prompt, row, "prompt")
        values["text"] = _text(sources.text, row, "text") if text is None else text
        values["split"] = _text(sources.split, row, "split")
        if values["split"] not in (None, *SPLITS):
            raise BadInputError("split: neither eval nor train", reason="wrong_type")
        for name in PROVENANCE:
            if values[name] is None:
                raise BadInputError(f"{name}: the row does not say it", reason="missing_provenance")
        if values["role"] is None:
            raise BadInputError("role: the row does not say it", reason="missing_field")
        values["history"] = _turns(sources.history, row)
        if sources.conversation is not None:
            values |= _conversation(sources.conversation, row)
        values |= {name: _texts(getattr(sources, name), row, name) for name in LISTS}
        values["markers"] = _listed_markers(sources.marker_list, row) + _named_markers(sources, row)
        return values


def node_name(path: FieldPath, row: object, name: str) -> str | None:
    """The name of a shard at a path; None where the row has none, or an empty one."""
    found = path.look_up(row)
    return None if found is MISSING or found is None else shard_name(as_scalar(found, name), name) or None


def shard_name(value: Scalar, name: str) -> str:
    """What a shard is called: a text or a whole number; BadInputError with a ``reason`` for anything else."""
    if isinstance(value, bool | float):
        raise BadInputError(f"{name}: neither a text nor a whole number", reason="wrong_type")
    return _encodable(str(value), name)


def _text(source: ScalarSource | None, row: object, name: str) -> str | None:
    value = None if source is None else source.value(row, name)
    if value is None:
        return None
    return _checked_text(value, name)


def _checked_text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise BadInputError(f"{name}: not a text", reason="wrong_type")
    return _encodable(value, name)


def _encodable(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInputError(f"{name}: has a lone surrogate", reason="lone_surrogate") from error
    return text


def _identifier(source: ScalarSource | None, row: object, name: str) -> str | None:
    found = _text(source, row, name)
    if found is not None and len(found) > IDENTIFIER_LENGTH:
        raise BadInputError(f"{name}: longer than {IDENTIFIER_LENGTH} characters", reason="too_long")
    return found or None


def _time(source: ScalarSource | None, row: object) -> datetime | None:
    found = None if source is None else source.value(row, "recorded_at")
    if found is None or found == "":
        return None
    if isinstance(found, bool):
        raise BadInputError("recorded_at: not a time", reason="wrong_type")
    try:
        return _TIME.validate_python(found)
    except ValidationError as error:
        message = error.errors(include_input=False, include_url=False, include_context=False)[0]["msg"]
        raise BadInputError(f"recorded_at: {message}", reason="wrong_type") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise BadInputError("recorded_at: not a time that can be stored in UTC", reason="wrong_type") from error


def _listed(path: FieldPath, row: object, name: str) -> list[object]:
    found = path.look_up(row)
    if found is MISSING or found is None:
        return []
    if not isinstance(found, list):
        raise BadInputError(f"{name}: not a list", reason="wrong_type")
    return found


def _texts(path: FieldPath | None, row: object, name: str) -> list[str]:
    return [] if path is None else [_checked_text(each, name) for each in _listed(path, row, name)]


def _turns(source: TurnsSource | None, row: object) -> list[dict[str, str]]:
    if source is None:
        return []
    turns = []
    for each in _listed(source.path, row, "history"):
        name = source.speaker.look_up(each)
        speaker = source.speakers.get(name, name) if isinstance(name, str) else name
        if speaker not in SPEAKERS:
            raise BadInputError("history: a speaker is neither user nor assistant nor system", reason="wrong_type")
        turns.append({"speaker": str(speaker), "text": _checked_text(source.text.look_up(each), "history")})
    return turns


def _conversation(source: TurnsSource, row: object) -> Values:
    turns = _turns(source, row)
    while turns and turns[-1]["speaker"] != "user":
        turns.pop()
    if not turns:
        raise BadInputError(f"prompt: no user turn in {source.path.text}", reason="missing_field")
    return {"prompt": turns.pop()["text"], "history": turns}


def _named_markers(sources: RecordSources, row: object) -> list[dict[str, object]]:
    found = []
    for name, source in sources.markers.items():
        value = source.value(row, name)
        if value is not None:
            found.append(marker(name, _encodable(value, name) if isinstance(value, str) else value))
    return [each for each in found if each is not None]


def _listed_markers(path: FieldPath | None, row: object) -> list[dict[str, object]]:
    return [] if path is None else [_listed_marker(each) for each in _listed(path, row, "markers")]


def _listed_marker(item: object) -> dict[str, object]:
    name, value, number = (_LOOK[part].look_up(item) for part in ("name", "value", "number"))
    checked = _checked_text(name, "markers")
    if not 1 <= len(checked) <= IDENTIFIER_LENGTH:
        raise BadInputError("markers: a name is empty or too long", reason="too_long")
    if number is not MISSING and number is not None:
        number = as_scalar(number, "markers")
        if isinstance(number, str | bool):
            raise BadInputError("markers: a number is none", reason="wrong_type")
        number = float(number)
    else:
        number = None
    return {"name": checked, "value": _checked_text(value, "markers"), "number": number}


_LOOK = {part: FieldPath.parse(part) for part in ("name", "value", "number")}
