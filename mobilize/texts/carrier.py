"""The carrier: the only file that imports twilio, and the place to add another one."""

from flask import Request
from twilio.request_validator import RequestValidator

from mobilize import settings


def is_from_carrier(request: Request) -> bool:
    """True when the carrier signed this request, over the configured public address and never over `Host`."""
    signature = request.headers.get("X-Twilio-Signature", "")
    url = settings().public_base_url + request.full_path.rstrip("?")
    validator = RequestValidator(settings().twilio_auth_token)
    return bool(signature) and bool(validator.validate(url, request.form, signature))
