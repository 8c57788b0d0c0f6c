"""The addresses of the carriers' callbacks, tried as a carrier would: a signed request through the public
address."""

from collections.abc import Sequence
from datetime import datetime

from mobilize import settings
from mobilize.observability.findings import Finding, finding
from mobilize.texts.carriers import inbound_address, twilio
from workers.doctor.http import HttpAnswer, request


def twilio_callbacks(_now: datetime) -> Sequence[Finding]:
    """A rightly signed request that brings no text: 400 says that the signature was found right."""
    chosen = settings()
    if twilio.NAME not in chosen.carriers_set_up:
        return [] if chosen.carriers_set_up else [finding("texts.none")]
    address, form = inbound_address(twilio.NAME).partition("#")[0], {"AccountSid": chosen.twilio_account_sid}
    # Encoded as a carrier does it, and not in parts.
    options = {"fields": form, "encode_multipart": False, "headers": twilio.signed_headers(address, form)}
    answer = request("POST", address, **options)
    if answer.is_ours and answer.status == 403:
        return [finding("texts.signature")]
    return [_reached("Twilio", answer, 400)]


def telnyx_callbacks(_now: datetime) -> Sequence[Finding]:
    """Only Telnyx has the key it signs with: that the address leads here is seen by a GET, which
    callbacks are not."""
    if "telnyx" not in settings().carriers_set_up:
        return []
    answer = request("GET", inbound_address("telnyx"))
    return [_reached("Telnyx", answer, 405)]


def _reached(carrier: str, answer: HttpAnswer, expected: int) -> Finding:
    if answer.is_ours and answer.status == expected:
        return finding("texts.webhook", carrier=carrier)
    return finding("texts.unreachable", carrier=carrier, status=str(answer.status or answer.error))
