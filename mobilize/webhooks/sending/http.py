"""Posting to addresses that somebody typed: public ones over HTTPS alone, and the one that was checked.

A name is resolved once, each of its addresses has to be a public one, and the connection goes to that
address: between check and use it cannot become another. Redirects are not followed. In a demo, and in tests,
a receiver may be on this machine, without HTTPS.
"""

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from mobilize import settings
from mobilize.errors import Refused
from mobilize.languages import _

CONNECT_S, READ_S = 5, 10
LONGEST_URL = 500
# Of an answer nothing but the status is read.
_READ_AT_MOST = 1024
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# RFC 6052, RFC 3056, RFC 4380: addresses that carry one of IPv4 inside, which may be any.
_CARRY_OTHERS = tuple(
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


@dataclass(frozen=True)
class Target:
    """An address that was checked, and where the connection goes. `result` is the reason where it may not."""

    host: str
    port: int
    path: str
    secure: bool
    address: str = ""
    result: str = ""


def check_url(url: str) -> str:
    """The address as it is stored. Raises `Refused` with what is wrong with it; names are resolved only when
    something is sent."""
    parts = _parts(url)
    host = (parts.host if parts else "").rstrip(".").lower()
    if parts is None or (not parts.secure and not _may_be_here(parts)):
        raise Refused(
            "bad_url", _("Enter an address that begins with https:// and names a server on the internet.")
        )
    if not _may_be_here(parts) and (
        host in _THIS_MACHINE or "." not in host or not _is_public_if_literal(host)
    ):
        raise Refused("bad_url", _("That server is not on the public internet. Nothing is sent there."))
    if any(host == domain or host.endswith(f".{domain}") for domain in settings().employer_domains):
        raise Refused("employer", _("That is the employer's address. Nothing is sent there."))
    return url


def resolve(url: str) -> Target:
    """The checked address of a URL as of now."""
    parts = _parts(url)
    if parts is None:
        return Target("", 0, "", True, result="bad_url")
    try:
        found_at = {
            str(info[4][0]) for info in socket.getaddrinfo(parts.host, parts.port, type=socket.SOCK_STREAM)
        }
    except (OSError, UnicodeError):
        return Target(parts.host, parts.port, parts.path, parts.secure, result="no_such_host")
    here = _may_be_here(parts)
    if not found_at or not all(is_public(one) or (here and _is_loopback(one)) for one in found_at):
        return Target(parts.host, parts.port, parts.path, parts.secure, result="not_public")
    # IPv4 first: many servers have a name for IPv6 and no way there.
    address = min(found_at, key=lambda one: (":" in one, one))
    return Target(parts.host, parts.port, parts.path, parts.secure, address)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and no other in disguise."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or any(ip in net for net in _CARRY_OTHERS)):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def open_pool(target: Target) -> urllib3.HTTPConnectionPool:
    """Connections to the checked address alone; the certificate has to be the name's."""
    options = {
        "timeout": urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        "retries": False,
        "maxsize": 8,
        "block": False,
    }
    if not target.secure:
        return urllib3.HTTPConnectionPool(target.address, target.port, **options)  # type: ignore[arg-type]
    context = ssl.create_default_context()
    return urllib3.HTTPSConnectionPool(
        target.address,
        target.port,
        ssl_context=context,
        server_hostname=target.host,
        assert_hostname=target.host,
        **options,  # type: ignore[arg-type]
    )


def post(pool: urllib3.HTTPConnectionPool, target: Target, body: bytes, headers: dict[str, str]) -> str:
    """Post once; the status as a word ("204"), or what went wrong. Never raises for what a server does."""
    default = 443 if target.secure else 80
    host = f"[{target.host}]" if ":" in target.host else target.host
    headers = {
        "Host": host if target.port == default else f"{host}:{target.port}",
        "Content-Type": "application/json",
        "User-Agent": "Mobilize-Webhooks/1",
        **headers,
    }
    try:
        response = pool.request(
            "POST", target.path, body=body, headers=headers, redirect=False, preload_content=False
        )
    except urllib3.exceptions.NewConnectionError:
        return "no_connection"
    except urllib3.exceptions.TimeoutError:
        return "timeout"
    except urllib3.exceptions.SSLError:
        return "bad_certificate"
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        return "no_connection"
    try:
        response.read(_READ_AT_MOST)
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        response.close()
    else:
        response.release_conn() if response.length_remaining in (0, None) else response.close()
    return str(response.status)


def _parts(url: str) -> Target | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    odd = any(ord(letter) <= 32 or ord(letter) == 127 for letter in url) or "\\" in url
    if odd or len(url) > LONGEST_URL or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    if parts.username is not None or parts.password is not None or parts.fragment:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    return Target(parts.hostname, port or (443 if secure else 80), path, secure)


def _may_be_here(parts: Target) -> bool:
    return not settings().is_production and parts.host in _THIS_MACHINE


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _is_public_if_literal(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return True
