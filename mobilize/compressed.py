"""Pages and files on a bad network: a third of the bytes, and no work for it when they are asked for.

Compressed is what is the same for everybody: files, and the kept pages of check-in, whose own parts (a token,
a time) stay uncompressed inside; and the figures a live board asks for (`turnout.live.Said`). A page with a
secret beside what somebody typed would tell of the secret by its length (BREACH), so it is never compressed.
"""

import gzip
import hashlib
import re
import struct
import threading
import zlib
from collections.abc import Mapping
from functools import cached_property

from cachetools import LRUCache, cached
from flask import Flask, Response, request
from rjsmin import jsmin

# Of the files; pictures are compressed already.
_TEXTS = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
_CSS_NOTES = re.compile(rb"\s*/\*.*?\*/|(?<=\n)[ \t]+", re.DOTALL)
_SCRIPTS = {"text/javascript", "application/javascript"}
_FILES = {"static", "public.colours", "checkins.service_worker"}
_FILE_CACHE_BYTES = 4 << 20
# Stand in a kept page where each answer has something of its own: no keyboard writes these letters.
_MARK = re.compile("([\ue000-\ue00f])")
# RFC 1952: gzip, deflate, no name, no time, unknown system; and RFC 1951: an empty last block.
_HEAD, _END = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", b"\x01\x00\x00\xff\xff"


def init_app(app: Flask) -> None:
    """Compress the files of this application, each once."""

    @app.after_request
    def _compress(response: Response) -> Response:
        if request.endpoint not in _FILES or response.mimetype not in _TEXTS or response.status_code != 200:
            return response
        response.vary.add("Accept-Encoding")
        response.direct_passthrough = False
        if not accepts_gzip():
            response.set_data(lean_file(response.get_data(), response.mimetype, gzipped=False))
            return response
        etag = response.get_etag()[0]
        response.set_data(lean_file(response.get_data(), response.mimetype, gzipped=True))
        response.headers["Content-Encoding"] = "gzip"
        if etag:
            response.set_etag(etag, weak=True)
        return response


def _key_of_file(data: bytes, mimetype: str, *, gzipped: bool) -> tuple[bytes, str, bool]:
    """By its bytes: one file has any number of addresses (/static/./css is one of them)."""
    return hashlib.sha256(data).digest(), mimetype, gzipped


@cached(
    # What an entry holds besides its value: the key, and the cache's own places for it.
    LRUCache(_FILE_CACHE_BYTES, getsizeof=lambda value: len(value) + 500),
    key=_key_of_file,
    lock=threading.Lock(),
)
def lean_file(data: bytes, mimetype: str, *, gzipped: bool) -> bytes:
    """A file as it is sent, worked out once for both kinds of browser."""
    lean = _lean(data, mimetype)
    return gzip.compress(lean, 9, mtime=0) if gzipped else lean


def _lean(data: bytes, mimetype: str) -> bytes:
    """A script or stylesheet without its comments: they are for who reads the source, and many bytes."""
    if mimetype == "text/css":
        return _CSS_NOTES.sub(b"", data)
    return bytes(jsmin(data)) if mimetype in _SCRIPTS else data


def accepts_gzip() -> bool:
    """Whether this browser takes it compressed; all of this century do."""
    said: str = request.environ.get("HTTP_ACCEPT_ENCODING", "")
    return "gzip" in said and "gzip;q=0" not in said.replace(" ", "")


class KeptPage:
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

    def filled(self, says: Mapping[str, str]) -> str:
        """The page with what this answer says at each mark."""
        parts = zip(self._texts, self._marks, strict=True)
        return b"".join(part for text, mark in parts for part in (text, says.get(mark, "").encode())).decode()

    def answer(self, says: Mapping[str, str], status: int = 200) -> Response:
        """The same as an answer, compressed for whoever takes that."""
        how = [("Content-Type", "text/html; charset=utf-8")]
        if self._for_all:
            how.append(("Vary", "Accept-Encoding"))
        if not self._for_all or not accepts_gzip():
            return Response(self.filled(says).encode(), status, how)
        return Response(self._gzipped(says), status, [*how, ("Content-Encoding", "gzip")])

    def _gzipped(self, says: Mapping[str, str]) -> bytes:
        """One gzip stream: what is kept stands in it compressed already, what is new as it is."""
        out, crc, size = [_HEAD], 0, 0
        for (text, squeezed), mark in zip(self._squeezed, self._marks, strict=True):
            new = says.get(mark, "").encode()
            out += squeezed, b"\x00", struct.pack("<HH", len(new), len(new) ^ 0xFFFF), new
            crc, size = zlib.crc32(new, zlib.crc32(text, crc)), size + len(text) + len(new)
        out += _END, struct.pack("<II", crc, size)
        return b"".join(out)

    @cached_property
    def _squeezed(self) -> list[tuple[bytes, bytes]]:
        """Each text, and itself in deflate's blocks that end at a byte and refer to nothing before them."""
        found = []
        for text in self._texts:
            deflate = zlib.compressobj(9, wbits=-15)
            found.append((text, deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)))
        return found
