"""The binary formats of Xet: hashes, chunks within xorbs, files within shards.

A file is a sequence of chunks. Chunks are uploaded in xorbs (up to 64 MiB, each chunk compressed separately).
A shard lists the chunks and xorbs that a file consists of. All numbers are little-endian.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import blake3
import lz4.frame  # type: ignore[import-untyped]

# The keys of the keyed BLAKE3 hashes, fixed by the protocol.
_CHUNK_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_FILE_KEY = bytes(32)

_CHUNK_HEADER = struct.Struct("<B3sB3s")  # version, packed length, scheme, unpacked length
_MAX_CHUNK = 128 * 1024
_MAX_CHUNKS = 8 * 1024
_FOOTER = b"XETBLOB"  # start of the optional footer after the chunks of a xorb
_PLAIN, _LZ4, _GROUPED_LZ4 = 0, 1, 2

_SHARD_HEADER = struct.Struct("<32sQQ")
_SHARD_TAG = b"HFRepoMetaData" + bytes.fromhex("00556967456a7b815783a5bdd95ccdd14aa9")
_SHARD_VERSION = 2
_SHARD_ENTRY = struct.Struct("<32sIIII")
_END_OF_SECTION = b"\xff" * 32
_WITH_VERIFICATION, _WITH_SHA256 = 1 << 31, 1 << 30


class FormatError(ValueError):
    """The bytes violate the Xet protocol."""


@dataclass(frozen=True)
class Chunk:
    """A chunk of a xorb.

    Attributes:
        start: offset of the chunk in the xorb, in bytes, including the chunk's header.
        end: offset of the chunk's end in the xorb (exclusive).
        length: number of unpacked bytes.
    """

    hash: bytes
    start: int
    end: int
    length: int


@dataclass(frozen=True)
class Term:
    """Chunks `start` (inclusive) to `end` (exclusive) of a xorb, which have `length` unpacked bytes."""

    xorb: str
    start: int
    end: int
    length: int


@dataclass(frozen=True)
class ShardFile:
    """A file in a shard; `sha256` is None if the shard does not have it."""

    hash: str
    terms: tuple[Term, ...]
    sha256: str | None


def hash_text(raw: bytes) -> str:
    """Format a Xet hash as text: four 64-bit numbers in hexadecimal, so each 8 bytes are reversed."""
    return "".join(raw[i : i + 8][::-1].hex() for i in range(0, 32, 8))


def merkle_root(leaves: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the Merkle root of pairs of hash and unpacked length; zeros if there are none.

    A group of nodes ends at its third or a later node if that node's hash is a multiple of four, and has at
    most nine nodes.
    """
    level = list(leaves)
    while len(level) > 1:
        above = []
        start = 0
        while start < len(level):
            end = _group_end(level, start)
            group = level[start:end]
            text = "".join(f"{hash_text(node)} : {length}\n" for node, length in group)
            above.append((_keyed(_NODE_KEY, text.encode()), sum(length for _, length in group)))
            start = end
        level = above
    return level[0][0] if level else bytes(32)


def file_hash(leaves: Iterable[tuple[bytes, int]]) -> str:
    """Return the Xet hash of a file from the pairs of hash and unpacked length of its chunks."""
    root = merkle_root(leaves)
    return hash_text(root if root == bytes(32) else _keyed(_FILE_KEY, root))


def read_xorb(stream: BinaryIO) -> list[Chunk]:
    """Parse a serialized xorb, unpacking every chunk to compute its hash.

    Raises:
        FormatError: the bytes are not a xorb.
    """
    chunks: list[Chunk] = []
    position = 0
    while header := stream.read(_CHUNK_HEADER.size):
        if header.startswith(_FOOTER):
            break
        packed, scheme, length = _chunk_header(header)
        data = unpack_chunk(scheme, stream.read(packed), length)
        end = position + _CHUNK_HEADER.size + packed
        chunks.append(Chunk(_keyed(_CHUNK_KEY, data), position, end, length))
        position = end
        if len(chunks) > _MAX_CHUNKS:
            raise FormatError(f"a xorb must have at most {_MAX_CHUNKS} chunks")
    if not chunks:
        raise FormatError("a xorb must have at least one chunk")
    return chunks


def unpack_chunks(stored: memoryview) -> Iterator[bytes]:
    """Yield the unpacked chunks of a part of a stored xorb that begins and ends at chunk boundaries."""
    position = 0
    while position < len(stored):
        packed, scheme, length = _chunk_header(bytes(stored[position : position + _CHUNK_HEADER.size]))
        position += _CHUNK_HEADER.size
        yield unpack_chunk(scheme, stored[position : position + packed], length)
        position += packed


def unpack_chunk(scheme: int, packed: bytes | memoryview, length: int) -> bytes:
    """Unpack a chunk.

    Args:
        scheme: 0 uncompressed, 1 LZ4, 2 LZ4 of the bytes grouped by their position modulo 4.
        length: number of unpacked bytes that the chunk must have.

    Raises:
        FormatError: the scheme is unknown, the data is not LZ4, or the length is wrong.
    """
    if scheme == _PLAIN:
        data = bytes(packed)
    elif scheme in (_LZ4, _GROUPED_LZ4):
        # The limit prevents decompression bombs.
        decompressor = lz4.frame.LZ4FrameDecompressor()
        try:
            data = decompressor.decompress(packed, max_length=length + 1)
        except RuntimeError as error:
            raise FormatError(f"a chunk is not an LZ4 frame: {error}") from None
    else:
        raise FormatError(f"a chunk has the unknown compression scheme {scheme}")
    if len(data) != length:
        raise FormatError(f"a chunk unpacks to {len(data)} bytes, but its header specifies {length}")
    return _regroup(data) if scheme == _GROUPED_LZ4 else data


def read_shard(stream: BinaryIO) -> list[ShardFile]:
    """Read the files of a shard; its list of xorbs and its indexes are ignored.

    Raises:
        FormatError: the bytes are not a shard.
    """
    tag, version, _ = _read(stream, _SHARD_HEADER)
    if tag != _SHARD_TAG or version != _SHARD_VERSION:
        raise FormatError(f"the body is not a Xet shard of version {_SHARD_VERSION}")
    files = []
    while (header := _read(stream, _SHARD_ENTRY))[0] != _END_OF_SECTION:
        raw_hash, flags, entries = header[:3]
        terms = tuple(_term(_read(stream, _SHARD_ENTRY)) for _ in range(entries))
        if flags & _WITH_VERIFICATION:
            for _ in range(entries):
                _read(stream, _SHARD_ENTRY)
        sha256 = hash_text(_read(stream, _SHARD_ENTRY)[0]) if flags & _WITH_SHA256 else None
        files.append(ShardFile(hash_text(raw_hash), terms, sha256))
    return files


def _chunk_header(header: bytes) -> tuple[int, int, int]:
    if len(header) != _CHUNK_HEADER.size:
        raise FormatError("the xorb ends within a chunk header")
    version, packed, scheme, unpacked = _CHUNK_HEADER.unpack(header)
    packed_length, length = int.from_bytes(packed, "little"), int.from_bytes(unpacked, "little")
    if version != 0 or length > _MAX_CHUNK or packed_length > 2 * _MAX_CHUNK:
        raise FormatError(f"a chunk of version {version} with {length} bytes is not allowed")
    return packed_length, scheme, length


def _regroup(data: bytes) -> bytes:
    """Undo the grouping: the first byte of each four comes first, then each second byte, and so on."""
    regrouped = bytearray(len(data))
    position = 0
    for offset in range(4):
        count = len(range(offset, len(data), 4))
        regrouped[offset::4] = data[position : position + count]
        position += count
    return bytes(regrouped)


def _group_end(level: list[tuple[bytes, int]], start: int) -> int:
    last = min(start + 9, len(level))
    for index in range(start + 2, last):
        if int.from_bytes(level[index][0][24:], "little") % 4 == 0:
            return index + 1
    return last


def _term(entry: tuple[Any, ...]) -> Term:
    raw_hash, _, length, start, end = entry
    return Term(hash_text(raw_hash), start, end, length)


def _read(stream: BinaryIO, record: struct.Struct) -> tuple[Any, ...]:
    data = stream.read(record.size)
    if len(data) != record.size:
        raise FormatError("the shard is incomplete")
    return record.unpack(data)


def _keyed(key: bytes, data: bytes) -> bytes:
    return blake3.blake3(data, key=key).digest()
