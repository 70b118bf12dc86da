"""Xet's formats, against what the client's own library computes, and for sizes that tests over HTTP miss."""

import io

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localworld.hub.content import parse_range
from localworld.hub.errors import HubError
from localworld.hub.formats import FormatError, file_hash, hash_text, read_xorb, unpack_chunk, unpack_chunks


def grouped(data: bytes) -> bytes:
    return data[0::4] + data[1::4] + data[2::4] + data[3::4]


def chunk(scheme: int, data: bytes) -> bytes:
    packed = {0: lambda: data, 1: lambda: lz4.frame.compress(data)}.get(
        scheme, lambda: lz4.frame.compress(grouped(data))
    )()
    return (
        b"\0" + len(packed).to_bytes(3, "little") + bytes([scheme]) + len(data).to_bytes(3, "little") + packed
    )


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.binary(max_size=70)), min_size=1, max_size=12))
def test_what_is_packed_is_unpacked(chunks: list[tuple[int, bytes]]) -> None:
    xorb = b"".join(chunk(scheme, data) for scheme, data in chunks)
    found = read_xorb(io.BytesIO(xorb + b"XETBLOB and a footer"))
    assert [part.length for part in found] == [len(data) for _, data in chunks]
    assert found[-1].end == len(xorb)
    assert list(unpack_chunks(memoryview(xorb))) == [data for _, data in chunks]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_xorb_or_an_error(data: bytes) -> None:
    try:
        assert read_xorb(io.BytesIO(data))
    except FormatError as error:
        assert str(error)


def test_a_chunk_that_would_unpack_to_more_than_it_says_is_refused() -> None:
    bomb = lz4.frame.compress(bytes(50_000_000))
    with pytest.raises(FormatError, match="header specifies 1000"):
        unpack_chunk(1, bomb, 1000)


def test_hashes_are_spelled_in_four_reversed_numbers() -> None:
    assert hash_text(bytes(range(32))).startswith("0706050403020100" + "0f0e0d0c0b0a0908")
    assert file_hash([]) == "0" * 64


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40))
def test_ranges_never_leave_the_content(first: int, last: int, size: int) -> None:
    for header in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        try:
            start, end = parse_range(header, size) or (0, size)
            assert 0 <= start < end <= size
        except HubError as error:
            assert error.status == 416


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=0-1,3-4", "lines=1-2"])
def test_other_ranges_mean_the_whole(header: str | None) -> None:
    assert parse_range(header, 10) is None
