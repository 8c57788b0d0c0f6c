"""A board as the answer to a poll."""

from flask import Response, request

from mobilize.compressed import accepts_gzip
from mobilize.turnout.live import Said


def answered(said: Said) -> Response:
    """Compressed for whoever takes that; 304 to whoever names its ETag."""
    squeezed = accepts_gzip()
    answer = Response(said.gzipped if squeezed else said.body, mimetype="application/json")
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.vary.add("Accept-Encoding")
    if squeezed:
        answer.content_encoding = "gzip"
    # The same tag for both: it names the figures, not the bytes.
    answer.set_etag(said.etag, weak=True)
    return answer.make_conditional(request)  # type: ignore[return-value]
