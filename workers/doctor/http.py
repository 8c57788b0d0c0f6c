"""Requests of the doctor: short timeouts, no retries, redirects are followed by nobody."""

import json as json_module
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

# Of every answer of own_time, and of none of a proxy's own (`web.security_headers`).
OWN_HEADER = "Cross-Origin-Resource-Policy"
_TIMEOUT = urllib3.Timeout(connect=5, read=10)


@dataclass(frozen=True)
class HttpAnswer:
    """An answer, or why there was none: `error` is then "name", "certificate", or what urllib3 calls it."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=urllib3.HTTPHeaderDict)
    body: bytes = b""
    error: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether a web of this kind gave it, and not a proxy before it."""
        return OWN_HEADER in self.headers

    @property
    def json(self) -> Any:
        """The body as JSON; {} where it is none."""
        try:
            return json_module.loads(self.body)
        except ValueError:
            return {}

    @property
    def timestamp(self) -> float | None:
        """The other side's clock, to the second."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return None


def get(address: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """GET of an address."""
    return request("GET", address, headers=headers)


def request(method: str, address: str, **options: Any) -> HttpAnswer:
    """Any request. Never raises for what the network does."""
    with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as pool:
        return request_by(pool, method, address, **options)


def request_by(pool: urllib3.PoolManager, method: str, address: str, **options: Any) -> HttpAnswer:
    """The same by connections that are kept."""
    try:
        answer = pool.request(method, address, redirect=False, **options)
        return HttpAnswer(answer.status, answer.headers, answer.data)
    except urllib3.exceptions.HTTPError as error:
        return HttpAnswer(error=_why(error))
    except (ValueError, OSError) as error:
        return HttpAnswer(error=type(error).__name__)


def _why(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "name"
    causes = (error, error.__cause__, error.__context__, *error.args)
    if any(isinstance(cause, ssl.SSLError | urllib3.exceptions.SSLError) for cause in causes):
        return "certificate"
    return type(error).__name__
