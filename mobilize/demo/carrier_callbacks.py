"""What the stand-in carrier posts to the service: receipts and texts from phones, signed like the
original."""

import base64
import hashlib
import hmac
import http.client
import threading
import time
from urllib.parse import parse_qs, urldefrag, urlencode, urlsplit

WAIT_SECONDS = 15

_connections = threading.local()


def signature(token: str, url: str, form: dict[str, str]) -> str:
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the full address and the sorted form, name then value.

    Source: https://www.twilio.com/docs/usage/security#validating-requests. Written out here, and not taken
    from the SDK, so that the service's own check is tested against a second reading.
    """
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


def post(url: str, form: dict[str, str], token: str, deliver_to: str = "") -> int:
    """Post `form` to `url`, signed over `url`; `deliver_to` (scheme and host) is where it really goes.

    Tries again as `#rc=3` in the address asks (Twilio's connection overrides). Returns the last status, 0
    when nobody answered.
    """
    address, options = urldefrag(url)
    tries = 1 + min(int(parse_qs(options).get("rc", ["1"])[0]), 5)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "DemoCarrier/1",
        "X-Twilio-Signature": signature(token, address, form),
    }
    status = 0
    for left in reversed(range(tries)):
        status = _post_once(_target(address, deliver_to), urlencode(form), headers)
        if 0 < status < 500 or not left:
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
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def _connection(scheme: str, netloc: str) -> http.client.HTTPConnection:
    """One open connection per thread and host."""
    known: dict[str, http.client.HTTPConnection] = _connections.__dict__.setdefault("by_host", {})
    if netloc not in known:
        maker = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        known[netloc] = maker(netloc, timeout=WAIT_SECONDS)
    return known[netloc]
