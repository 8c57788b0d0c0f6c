"""Checks before every request: the length of its address, and its host."""

from functools import partial
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request

# Bytes of path and query together. The longest of ours leads back to a filtered list after a step-up.
LONGEST_ADDRESS = 2000
# A load balancer asks for these by whatever address the machine has.
_PROBES = {"public.healthz", "public.readyz"}
# A carrier's signature is over the address it calls: with another one it is refused, and counted, there.
SIGNED = {"texts.receipt", "texts.inbound", "texts.from_telnyx"}


def init_app(app: Flask) -> None:
    """Refuse with 414 what is too long and, in production, with 421 what names another host than
    PUBLIC_BASE_URL. Elsewhere any host will do: a demo is opened under whatever address a phone can reach.

    No address that we give away is built from the host of a request; `Origin` is compared with it in
    `accounts.access.permissions`, outside production alone.
    """
    app.before_request(_refuse_long_addresses)
    if app.config["MOBILIZE"].is_production:
        public_host = urlsplit(app.config["MOBILIZE"].public_base_url).netloc
        app.before_request(partial(_refuse_other_hosts, {public_host, f"{public_host}:443"}))


def _refuse_long_addresses() -> None:
    environ = request.environ
    if len(environ["PATH_INFO"]) + len(environ["QUERY_STRING"]) > LONGEST_ADDRESS:
        abort(414)


def _refuse_other_hosts(public_hosts: set[str]) -> None:
    asked_for = request.environ.get("HTTP_HOST", "").lower()
    if asked_for not in public_hosts and request.endpoint not in _PROBES | SIGNED:
        current_app.logger.warning(
            "another host than PUBLIC_BASE_URL was asked for; does the proxy pass Host on?"
        )
        abort(421)
