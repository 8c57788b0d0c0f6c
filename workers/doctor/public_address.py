"""The public address: that it leads here, and what the proxy before us does with requests."""

import secrets
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

import urllib3

from mobilize import settings
from mobilize.home.views import PROBE
from mobilize.keys import crypto
from mobilize.observability.findings import Finding, finding
from mobilize.roster.uploads.uploaded_table import LARGEST_UPLOAD
from workers.doctor.http import OWN_HEADER, HttpAnswer, get, request_by

# One picket behind one address of a phone company.
AT_ONCE = 60


def public_address(_now: datetime) -> Sequence[Finding]:
    """What comes back from PUBLIC_BASE_URL. Where it does not lead here, nothing else is looked at."""
    base = settings().public_base_url
    probe = secrets.token_hex(8)
    answer = get(f"{base}/healthz?probe={probe}")
    wrong = _not_here(base, answer, probe)
    if wrong:
        return [wrong]
    looks = (_plain(base), _uploads(base), _limits(base))
    return [one for one in looks if one] or [finding("address.ok", url=base)]


def _not_here(base: str, answer: HttpAnswer, probe: str) -> Finding | None:
    if answer.error:
        codes = {"name": "address.unknown", "certificate": "address.certificate"}
        return finding(codes.get(answer.error, "address.away"), url=base)
    if 300 <= answer.status < 400:
        return finding("address.redirects", url=base, to=answer.headers.get("Location", "?"))
    if answer.status in (502, 503, 504) and not answer.is_ours:
        return finding("address.web", status=answer.status)
    content = answer.json if isinstance(answer.json, dict) else {}
    host = str(content.get("host", ""))
    if not crypto.is_signed(PROBE, f"{probe} {host}", str(content.get("seal", ""))):
        return finding("address.others", url=base)
    expected = urlsplit(base).netloc
    with_port = {expected, f"{expected}:443"} if base.startswith("https:") else {expected, f"{expected}:80"}
    return None if host.lower() in with_port else finding("address.host", host=host, expected=expected)


def _plain(base: str) -> Finding | None:
    """HTTPS at its own port has a redirect beside it."""
    parts = urlsplit(base)
    if parts.scheme != "https" or parts.port:
        return None
    answer = get(f"http://{parts.hostname}/healthz")
    leads_on = 300 <= answer.status < 400 and answer.headers.get("Location", "").startswith("https://")
    return None if leads_on else finding("address.plain")


def _uploads(base: str) -> Finding | None:
    """A proxy with a limit refuses by the length that is announced, before the file comes; nothing is sent
    of it. We ourselves wait for the file."""
    with suppress(OSError):
        status, is_ours = _announce(base, LARGEST_UPLOAD)
        if status == 413 and not is_ours:
            return finding("address.uploads")
    return None


def _announce(base: str, length: int) -> tuple[int, bool]:
    parts = urlsplit(base)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    cookie = "__Host-session" if parts.scheme == "https" else "session"
    head = (
        f"POST /imports/doctor HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {length}\r\n"
        f"Cookie: {cookie}=doctor\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", port), timeout=5) as plain:
        secure = parts.scheme == "https"
        context = ssl.create_default_context() if secure else None
        stream = context.wrap_socket(plain, server_hostname=parts.hostname) if context else plain
        stream.settimeout(1.5)
        stream.sendall(head.encode())
        answer = b""
        with suppress(TimeoutError):
            answer = stream.recv(4096)
        status = answer.split(b" ", 2)[1:2]
        number = int(status[0]) if status and status[0].isdigit() else 0
        return number, OWN_HEADER.lower().encode() in answer.lower()


def _limits(base: str) -> Finding | None:
    """As many requests as a picket makes at once."""
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=10)) as pool:
        for _n in range(AT_ONCE):
            answer = request_by(pool, "GET", f"{base}/healthz")
            if answer.status in (403, 429, 503) and not answer.is_ours:
                return finding("address.limits", status=answer.status)
    return None
