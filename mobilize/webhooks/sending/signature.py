"""Signatures of Standard Webhooks (https://www.standardwebhooks.com, version 1.0.0): HMAC-SHA256, `v1`."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"


def make_secret() -> str:
    """A new secret, as receivers' libraries take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers_of(
    message_id: str, sent_at: datetime, body: bytes, secrets_held: Sequence[str]
) -> dict[str, str]:
    """The headers of one try: with several secrets, a signature by each, of which the receiver needs one."""
    stamp = str(int(sent_at.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets_held),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
