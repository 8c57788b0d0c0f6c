"""Signed callbacks of the stand-in carriers: delivery receipts and inbound texts."""

import base64
import hashlib
import hmac
import http.client
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urldefrag, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

WAIT_SECONDS = 15

_connections = threading.local()


def signature(token: str, url: str, form: dict[str, str]) -> str:
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the full address and the sorted form, name then value.

    Source: https://www.twilio.com/docs/usage/security#validating-requests. Written out here, and not taken
    from the SDK, so that the service's own check is tested against a second reading.
    """
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


def ed25519_headers(key: Ed25519PrivateKey, body: str) -> dict[str, str]:
    """The headers with which Telnyx signs a body at this moment.

    Source: https://developers.telnyx.com/docs/development/sdk/python/webhooks
    """
    moment = str(int(time.time()))
    signed = base64.b64encode(key.sign(f"{moment}|{body}".encode())).decode()
    return {"telnyx-timestamp": moment, "telnyx-signature-ed25519": signed}


def post(url: str, body: str, headers: Callable[[str], dict[str, str]], deliver_to: str = "") -> int:
    """Post `body` to `url`, with the headers for that address; `deliver_to` (scheme and host) is where it
    really goes.

    Tries again as `#rc=3` in the address asks (Twilio's connection overrides). Returns the last status, 0
    when nobody answered.
    """
    address, options = urldefrag(url)
    attempts = 1 + min(int(parse_qs(options).get("rc", ["1"])[0]), 5)
    status = 0
    for remaining in reversed(range(attempts)):
        fields = {"User-Agent": "DemoCarrier/1", **headers(address)}
        status = _post_once(_target(address, deliver_to), body, fields)
        if 0 < status < 500 or not remaining:
            break
        time.sleep(0.3)
    return status


def _target(address: str, deliver_to: str) -> str:
    if not deliver_to:
        return address
    parts = urlsplit(address)
    return f"{deliver_to.rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _post_once(target: str, body: str, headers: dict[str, str]) -> int:
    parts = urlsplit(target)
    connection = _connection(parts.scheme, parts.netloc)
    try:
        connection.request("POST", parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def _connection(scheme: str, netloc: str) -> http.client.HTTPConnection:
    """One open connection per thread and host."""
    by_host: dict[str, http.client.HTTPConnection] = _connections.__dict__.setdefault("by_host", {})
    if netloc not in by_host:
        connection_class = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        by_host[netloc] = connection_class(netloc, timeout=WAIT_SECONDS)
    return by_host[netloc]
