"""The address to which a line's phone sends the photo beside a head count."""

from flask import Response, abort, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from mobilize import clock
from mobilize.accounts.access.permissions import grant, line_upload, was_taken_back
from mobilize.actions.queries import event_by_code
from mobilize.checkins.photos.image_reencoding import LARGEST_UPLOAD, too_large
from mobilize.checkins.photos.operations import add_photo
from mobilize.checkins.routes import line as bp
from mobilize.errors import Refused
from mobilize.languages import _


@bp.post("/photos/line/<code>/<nonce>")
@line_upload
def add(code: str, nonce: str) -> Response:
    """The photo of the head count with this nonce; its bytes are the body."""
    event, count_nonce = event_by_code(code), _nonce(nonce)
    if event is None or grant().event_id != event.id:
        abort(404)
    if was_taken_back():
        message = _("This phone's link was taken back. The photo is not kept.")
        raise Refused("link_taken_back", message, status=403)
    add_photo(event, count_nonce, _body(), by=f"grant:{grant().id}", now=clock.now())
    return jsonify(stored=True)


def _body() -> bytes:
    request.max_content_length = LARGEST_UPLOAD
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise too_large() from None


def _nonce(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        abort(404)
