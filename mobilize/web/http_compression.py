"""Static files compressed, each once, without their comments; and whether a browser takes gzip.

Compressed is only what is the same for everybody: files, the cached pages of check-in (`fast.page_cache`),
and the figures a live board asks for (`board.cache`). A page with a secret beside what somebody typed would
give the secret away by its length (BREACH), so it is never compressed.
"""

import gzip
import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

from flask import request
from rjsmin import jsmin
from werkzeug.wrappers import Response

View = TypeVar("View", bound=Callable[..., Response])

# Of the files; pictures are compressed already.
_TEXTS = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
_SCRIPTS = {"text/javascript", "application/javascript"}
_CSS_COMMENT, _CSS_INDENT = re.compile(rb"/\*.*?\*/", re.DOTALL), re.compile(rb"\s*\n\s*")
# All of a release, for both kinds of browser, and as many again.
_FILES_KEPT = 128


def compressed(view: View) -> View:
    """A view whose files leave compressed, each worked on once. It stands below the view's permission."""

    @wraps(view)
    def compressing(*arguments: Any, **named: Any) -> Response:
        return _compress(view(*arguments, **named))

    return cast(View, compressing)


def _compress(response: Response) -> Response:
    if response.mimetype not in _TEXTS or response.status_code != 200:
        return response
    response.vary.add("Accept-Encoding")
    response.direct_passthrough = False
    if not accepts_gzip():
        response.set_data(file_body(response.get_data(), response.mimetype, gzipped=False))
        return response
    etag = response.get_etag()[0]
    response.set_data(file_body(response.get_data(), response.mimetype, gzipped=True))
    response.headers["Content-Encoding"] = "gzip"
    if etag:
        response.set_etag(etag, weak=True)
    return response


@lru_cache(_FILES_KEPT)
def file_body(data: bytes, mimetype: str, *, gzipped: bool) -> bytes:
    """A file as it is sent, worked out once for both kinds of browser.

    By its bytes: one file has any number of addresses (/static/./css is one of them). Scripts go without
    their comments, which would be 3 KB of the 21 of a first visit, styles without theirs, half a
    kilobyte.
    """
    lean = bytes(jsmin(data)) if mimetype in _SCRIPTS else data
    if mimetype == "text/css":
        lean = _CSS_INDENT.sub(b"\n", _CSS_COMMENT.sub(b"", data))
    return gzip.compress(lean, 9, mtime=0) if gzipped else lean


def accepts_gzip() -> bool:
    """Whether this browser takes it compressed; all of this century do."""
    accepted: str = request.environ.get("HTTP_ACCEPT_ENCODING", "")
    return "gzip" in accepted and "gzip;q=0" not in accepted.replace(" ", "")
