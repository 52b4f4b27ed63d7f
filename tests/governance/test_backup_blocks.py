"""Every byte of the outer form is sealed: what is changed, cut, taken out or added is found, and no more than that."""

import io
import random
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.governance.backup_blocks import BLOCK, Block, BlockReader, BlockWriter, BrokenStreamError, Damage, blocks

RANDOM = random.Random(1)
PLAIN = RANDOM.randbytes(2 * BLOCK + 1000) + b"\0" * 3 * BLOCK
LIST = b"the list of files"


def written(plain: bytes = PLAIN, listing: bytes = LIST, step: int = 10_000) -> bytes:
    stream = io.BytesIO()
    writer = BlockWriter(stream)
    for start in range(0, len(plain), step):
        writer.write(plain[start : start + step])
    writer.begin_list()
    writer.write(listing)
    writer.finish()
    return stream.getvalue()


WHOLE = written()


def found_in(data: bytes) -> tuple[list[Block], list[Damage]]:
    found = list(blocks(io.BytesIO(data)))
    return [each for each in found if isinstance(each, Block)], [each for each in found if isinstance(each, Damage)]


@pytest.mark.parametrize("step", [999, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK])
def test_what_was_written_is_read_whatever_the_steps(step: int) -> None:
    reader = BlockReader(io.BytesIO(WHOLE))
    assert b"".join(iter(lambda: reader.read(step), b"")) == PLAIN + LIST
    assert reader.read(1) == b""


def test_nothing_is_a_file_too() -> None:
    assert BlockReader(io.BytesIO(written(b"", b""))).read(1) == b""


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd here")
def test_zstd_reads_it() -> None:
    read = subprocess.run(["zstd", "-dc"], input=WHOLE, capture_output=True, check=True)
    assert read.stdout == PLAIN + LIST


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_spoils_its_block_and_no_other(place: int, change: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= change
    whole, damaged = found_in(bytes(data))
    (damage,) = damaged
    assert damage.at <= place
    assert damage.end is None or place < damage.end
    assert len(whole) == len(found_in(WHOLE)[0]) - 1
    lost = (damage.plain_to or len(PLAIN + LIST)) - damage.plain_from
    assert lost == len(PLAIN + LIST) - sum(block.n_plain for block in whole)
    with pytest.raises(BrokenStreamError):
        BlockReader(io.BytesIO(bytes(data))).read(len(PLAIN + LIST) + 1)


def test_every_byte_of_a_seal_is_sealed_too() -> None:
    seals = [block.at for block in found_in(WHOLE)[0]]
    for place in (place for seal in (seals[1], *seals[-2:]) for place in range(seal, min(seal + 64, len(WHOLE)))):
        data = bytearray(WHOLE)
        data[place] ^= 1
        assert len(found_in(bytes(data))[1]) == 1, place


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_was_cut_off_has_no_end(length: int) -> None:
    assert found_in(WHOLE[:length])[1][-1].end is None


def test_blocks_taken_out_or_moved_or_added_are_found() -> None:
    first, second, third = found_in(WHOLE)[0][:3]
    parts = {each.number: WHOLE[each.at : each.end] for each in (first, second, third)}
    rest = WHOLE[third.end :]
    (gap,) = found_in(parts[0] + parts[2] + rest)[1]
    assert (gap.at, gap.end, gap.plain_from, gap.plain_to) == (first.end, first.end, BLOCK, 2 * BLOCK)
    for wrong in (parts[1] + parts[0] + parts[2] + rest, parts[0] * 2 + parts[1] + parts[2] + rest, WHOLE + b"\0"):
        assert found_in(wrong)[1], wrong[:8]


def test_a_seal_that_promises_more_than_a_block_is_refused() -> None:
    stream = io.BytesIO()
    writer = BlockWriter(stream)
    writer._seal(b"MRbd", 2**31, b"")  # what nobody writes
    writer.finish()
    assert found_in(stream.getvalue())[1]
