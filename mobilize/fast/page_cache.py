"""Pages rendered and compressed once, with gaps for what is each answer's own (a token, a time).

The gaps stay uncompressed inside the gzip stream, so filling them costs no compression (docs/decisions/0009).
"""

import re
import struct
import zlib
from collections.abc import Mapping
from functools import cached_property

from flask import Response

from mobilize.web.http_compression import accepts_gzip

# Stand in a cached page where each answer has something of its own: no keyboard writes these letters.
_MARK = re.compile("([\ue000-\ue00f])")
# RFC 1952: gzip, deflate, no name, no time, unknown system; and RFC 1951: an empty last block.
_HEAD, _END = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", b"\x01\x00\x00\xff\xff"


class CachedPage:
    """A page rendered once, with marks where each answer has something of its own. Only one `for_all` is
    compressed: it holds nothing of who looks at it, and nothing that was typed."""

    def __init__(self, page: str, *, for_all: bool = True):
        self._for_all = for_all
        parts = _MARK.split(page)
        self._texts = [part.encode() for part in parts[0::2]]
        self._marks = [*parts[1::2], ""]

    @property
    def size(self) -> int:
        """Bytes that it holds: its texts, and the same compressed, which is less than as much again."""
        return 2 * sum(len(text) + 100 for text in self._texts)

    def filled(self, values: Mapping[str, str]) -> str:
        """The page with the value of this answer at each mark."""
        parts = zip(self._texts, self._marks, strict=True)
        return b"".join(
            part for text, mark in parts for part in (text, values.get(mark, "").encode())
        ).decode()

    def answer(self, values: Mapping[str, str], status: int = 200) -> Response:
        """The filled page as an answer, compressed for whoever takes that."""
        how = [("Content-Type", "text/html; charset=utf-8")]
        if self._for_all:
            how.append(("Vary", "Accept-Encoding"))
        if not self._for_all or not accepts_gzip():
            return Response(self.filled(values).encode(), status, how)
        return Response(self._gzipped(values), status, [*how, ("Content-Encoding", "gzip")])

    def _gzipped(self, values: Mapping[str, str]) -> bytes:
        """One gzip stream: what is kept stands in it compressed already, what is new as it is."""
        out, crc, size = [_HEAD], 0, 0
        for (text, compressed), mark in zip(self._compressed, self._marks, strict=True):
            new = values.get(mark, "").encode()
            out += compressed, b"\x00", struct.pack("<HH", len(new), len(new) ^ 0xFFFF), new
            crc, size = zlib.crc32(new, zlib.crc32(text, crc)), size + len(text) + len(new)
        out += _END, struct.pack("<II", crc, size)
        return b"".join(out)

    @cached_property
    def _compressed(self) -> list[tuple[bytes, bytes]]:
        """Each text, and itself in deflate's blocks that end at a byte and refer to nothing before them."""
        blocks = []
        for text in self._texts:
            deflate = zlib.compressobj(9, wbits=-15)
            blocks.append((text, deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)))
        return blocks
