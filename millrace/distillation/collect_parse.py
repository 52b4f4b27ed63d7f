"""The columns of many lines at once.

Arrow's parser takes lines in a tenth of the time that they take one by one. It is used only where it must say what the
lines would: those on which the two could differ are told apart beforehand, and whatever it refuses is left out, to be
read by itself.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pj

from millrace.distillation.collect_lines import LineBlock, Places, places_of
from millrace.distillation.stream_rows import MAX_DEPTH, MAX_ROW_BYTES

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
_FEW_LINES = 8
"""So few lines are read one by one in the time of one call of the parser."""

_MANY_LINES = 1024
_BAD_ROW = re.compile(r"in row (\d+)$")


def parsed_lines(block: LineBlock, lines: Rows, schema: pa.Schema) -> tuple[pa.Table, Rows]:
    """The columns of those lines that Arrow's parser takes, and which these are, in order.

    Where the parser stops it says at which row: the lines before it are parsed again, it is left out, and the rest
    follows. That is a hint for speed: nothing is believed that was not parsed without an error.
    """
    data, starts, ends = _together(block, lines)
    tables, taken = [schema.empty_table()], [lines[:0]]
    start, window, stride = 0, len(lines), _FEW_LINES
    while start < len(lines):
        stop = min(start + window, len(lines))
        good, bad = _parsed(data, starts[start:stop], ends[start:stop], schema)
        if good is None and bad >= _FEW_LINES:
            stop = start + bad
            good, _ = _parsed(data, starts[start:stop], ends[start:stop], schema)
        if good is not None:
            tables.append(good)
            taken.append(lines[start:stop])
            start, window, stride = stop, max(window, _FEW_LINES) * 4, _FEW_LINES
        elif bad < 0 and stop - start > _FEW_LINES:
            window = max(_FEW_LINES, (stop - start) // 8)
        else:
            start, window, stride = start + stride, _MANY_LINES, min(stride * 2, _MANY_LINES)
    return pa.concat_tables(tables), np.concatenate(taken)


def _together(block: LineBlock, lines: Rows) -> tuple[memoryview, Places, Places]:
    """The lines with nothing but blank ones between them, and where each starts and ends."""
    if len(lines) == len(block):
        return block.data, block.starts, block.ends
    ends = np.cumsum(block.ends[lines] - block.starts[lines] + 1) - 1
    starts = np.concatenate((np.zeros(1, np.int64), ends + 1))[:-1]
    return memoryview(b"\n".join([block.line(line) for line in lines.tolist()])), starts, ends


def _parsed(data: memoryview, starts: Places, ends: Places, schema: pa.Schema) -> tuple[pa.Table | None, int]:
    """The columns of these lines; None where one of them has another type than its column, or is no JSON object.

    Then the number says which one, or is -1 where that is not known.
    """
    lines = data[starts[0] : ends[-1]]
    try:
        _check_utf8(lines)
        table = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowException, ValueError) as error:
        found = _BAD_ROW.search(str(error))
        return None, int(found[1]) if found and int(found[1]) < len(starts) else -1
    return (table.select(schema.names), -1) if table.num_rows == len(starts) else (None, -1)


def _check_utf8(data: memoryview) -> None:
    """Arrow's JSON parser takes any bytes within a text. Raises ArrowInvalid."""
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)]).validate(full=True)


def plain_lines(block: LineBlock) -> Mask:
    """The lines that Arrow's parser reads as Python's does, or refuses.

    Not those that do not begin and end with a brace (an object may go on in the next line), that may be nested deeply,
    or that hold NaN or Inf, which Arrow takes for numbers.
    """
    codes = np.frombuffer(block.data, np.uint8)
    good = (codes[block.starts] == 0x7B) & (codes[block.ends - 1] == 0x7D)
    good &= block.ends - block.starts <= MAX_ROW_BYTES
    good &= _counts(places_of(codes, 0x5B, bits=0xDF), block) <= MAX_DEPTH
    for word in (b"NaN", b"Inf"):
        good &= _counts(_places(codes, word), block) == 0
    return np.asarray(good)


def _places(codes: npt.NDArray[np.uint8], word: bytes) -> Rows:
    found = places_of(codes[: max(0, len(codes) - len(word) + 1)], word[0])
    for place, letter in enumerate(word[1:], 1):
        found = found[codes[found + place] == letter]
    return found


def _counts(places: Sequence[int] | Rows, block: LineBlock) -> Rows:
    return np.searchsorted(places, block.ends) - np.searchsorted(places, block.starts)
