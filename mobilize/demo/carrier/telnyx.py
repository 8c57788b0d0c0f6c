"""A stand-in for Telnyx: the parts of its API version 2 that Mobilize uses, on loopback.

    python -m mobilize.demo.carrier.telnyx --port 5011 --key KEY... --signing-key BASE64 \\
        --callback-base http://localhost:5000

It behaves like https://developers.telnyx.com/api-reference/messages for the fields Mobilize sends and reads,
signs what it posts, answers STOP and START itself, and misbehaves like the other one.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mobilize.demo.carrier import callbacks
from mobilize.demo.carrier.console import telnyx_answer
from mobilize.demo.carrier.http import Reply, Request, json_reply
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.store import Message
from mobilize.segments import segments

DEMO_NUMBER = "+12135550150"
STATUS_CODES = {10007: 500, 10009: 401, 10011: 429, 40300: 403}
OUT_WORDS = {"STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
IN_WORDS = {"START", "UNSTOP"}
STATUSES = {"undelivered": "delivery_failed"}
TITLES = {
    10005: "Resource not found",
    10007: "Unexpected error",
    10009: "Authentication failed",
    10011: "Too many requests",
    40300: "Blocked due to STOP message",
    40305: "Invalid 'from' address",
    40310: "Invalid 'to' address",
    40316: "No content provided for message",
}


class TelnyxCarrier(Carrier):
    """One stand-in for Telnyx on 127.0.0.1. `public_key` is what the service checks its callbacks with."""

    api = ("/v2/",)

    def __init__(
        self,
        key: str,
        callback_base: str,
        *,
        signing_key: bytes | None = None,
        number: str = DEMO_NUMBER,
        **options: Any,
    ):
        super().__init__("telnyx", key, callback_base, number=number, **options)
        self.signing_key = (
            Ed25519PrivateKey.from_private_bytes(signing_key) if signing_key else Ed25519PrivateKey.generate()
        )
        self.public_key = base64.b64encode(self.signing_key.public_key().public_bytes_raw()).decode()
        self.authorization = f"Bearer {key}"
        self.store.opt_out_words, self.store.opt_in_words = OUT_WORDS, IN_WORDS

    async def _api(self, request: Request) -> Reply:
        self.calls += 1
        if self.faults.latency_ms:
            await asyncio.sleep(self.faults.latency_ms / 1000)
        if request.headers.get("authorization", "") != self.authorization:
            return _refusal(10009)
        webhook = f"{self.callback_base}/texts/telnyx"
        if answer := telnyx_answer(self.setup, self.store.number, webhook, request.path):
            return answer
        if request.path == "/v2/messages" and request.method == "POST":
            return await self._create(request)
        if request.path == "/v2/detail_records":
            return await self._list(request)
        message = self.store.by_sid.get(_sid(request.path.removeprefix("/v2/messages/")))
        return json_reply({"data": self._payload(message)}) if message else _refusal(10005, 404)

    async def _create(self, request: Request) -> Reply:
        trouble, sent = self.faults.trouble(), request.json()
        if trouble and not trouble.endswith("_accepted"):
            return await self._misbehave(trouble)
        if code := self._refuses(sent):
            return _refusal(code)
        form = {"To": sent["to"], "From": sent["from"], "Body": sent["text"]}
        message = self.store.accept({**form, "StatusCallback": sent.get("webhook_url", "")})
        self.schedule_receipts(message)
        if trouble:
            return await self._misbehave(trouble.removesuffix("_accepted"))
        return json_reply({"data": self._payload(message)})

    def _refuses(self, sent: dict[str, Any]) -> int | None:
        """The error code with which a create is refused, or None."""
        to = sent.get("to", "")
        if sent.get("from") != self.store.number:
            return 40305
        if not sent.get("text"):
            return 40316
        if to in self.store.opted_out:
            return 40300
        if not (to.startswith("+1") and len(to) == 12 and to[1:].isdigit()):
            return 40310
        return self.faults.refuse.get(to)

    async def _misbehave(self, trouble: str) -> Reply:
        if trouble == "429":
            return _refusal(10011)
        if trouble == "500":
            return _refusal(10007)
        if trouble == "garbage":
            return Reply(200, b"<html>gateway", "text/html")
        return await super()._misbehave(trouble)

    async def _list(self, request: Request) -> Reply:
        """Detail records, newest first; no words stand in them, but the address of webhooks does."""
        if self.faults.list_trouble:
            return await self._misbehave(self.faults.list_trouble)
        query = request.query
        size, page = int(query.get("page[size]", "20")), int(query.get("page[number]", "1"))
        since = datetime.fromisoformat(query["filter[created_at][gte]"]).timestamp()
        direction = query.get("filter[direction]")
        messages = [
            message
            for message in self.store.search(query.get("filter[cld]", ""), "", self.faults.list_lag_s)
            if message.created_at >= since and direction in (None, _direction(message))
        ]
        records = [self._record(message) for message in messages[(page - 1) * size : page * size]]
        pages = -(-len(messages) // size)
        return json_reply({"data": records, "meta": {"total_pages": pages, "page_number": page}})

    def _tell(self, message: Message, media: int) -> None:
        word = message.body.strip().upper()
        handled = "opt_out" if word in OUT_WORDS else "opt_in" if word in IN_WORDS else None
        pictures = [{"url": "https://example.org/picture", "content_type": "image/jpeg"}] * media
        payload = self._payload(message) | {"media": pictures, "autoresponse_type": handled}
        self._post_event("message.received", payload, f"{self.callback_base}/texts/telnyx")

    def _report(self, message: Message, status: str, error: int | None) -> None:
        kind = "message.sent" if status == "sent" else "message.finalized"
        payload = self._payload(message)
        payload["to"][0]["status"] = STATUSES.get(status, status)
        payload["errors"] = [_error(error)] if error else []
        self._post_event(kind, payload, message.callback)

    def _post_event(self, kind: str, payload: dict[str, Any], address: str) -> None:
        event = {
            "record_type": "event",
            "id": str(uuid.uuid4()),
            "event_type": kind,
            "occurred_at": _moment(datetime.now(UTC).timestamp()),
            "payload": payload,
        }
        body = json.dumps({"data": event, "meta": {"attempt": 1, "delivered_to": address}})

        def headers(_address: str) -> dict[str, str]:
            return {"Content-Type": "application/json", **callbacks.ed25519_headers(self.signing_key, body)}

        with suppress(RuntimeError):  # the pool is shut down: the stand-in is stopping
            self.callback_pool.submit(callbacks.post, f"{address}#rc=3", body, headers, self.deliver_to)

    def _payload(self, message: Message) -> dict[str, Any]:
        return {
            "record_type": "message",
            "direction": _direction(message),
            "id": _id(message),
            "type": "SMS",
            "from": {"phone_number": message.from_},
            "to": [{"phone_number": message.to, "status": "queued"}],
            "text": message.body,
            "media": [],
            "webhook_url": message.callback,
            "parts": segments(message.body),
            "errors": [],
            "received_at": _moment(message.created_at),
        }

    def _record(self, message: Message) -> dict[str, Any]:
        return {
            "record_type": "message_detail_record",
            "uuid": _id(message),
            "created_at": _moment(message.created_at),
            "cld": message.to,
            "cli": message.from_,
            "direction": _direction(message),
            "delivery_status_webhook_url": message.callback,
            "status": {"undelivered": "failed"}.get(message.status, message.status),
            "errors": [str(message.error_code)] if message.error_code else [],
            "parts": segments(message.body),
        }


def _refusal(code: int, status: int | None = None) -> Reply:
    return json_reply({"errors": [_error(code)]}, status or STATUS_CODES.get(code, 400))


def _error(code: int) -> dict[str, str]:
    return {"code": str(code), "title": TITLES.get(code, "The message cannot be sent"), "detail": ""}


def _id(message: Message) -> str:
    return str(uuid.UUID(hex=message.sid.removeprefix("SM")))


def _sid(message_id: str) -> str:
    with suppress(ValueError):
        return "SM" + uuid.UUID(message_id).hex
    return ""


def _direction(message: Message) -> str:
    return "inbound" if message.direction == "inbound" else "outbound"


def _moment(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mobilize.demo.carrier.telnyx", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--signing-key", required=True, help="32 bytes in base64")
    parser.add_argument("--callback-base", required=True, help="the service's public address")
    parser.add_argument("--deliver-to", default="", help="post there instead")
    parser.add_argument("--number", default=DEMO_NUMBER)
    parser.add_argument("--state", type=Path, help="keep the messages in this file")
    options = parser.parse_args(arguments)
    if os.environ.get("MOBILIZE_ENV", "production") == "production":
        print("The stand-in carrier is for demos and tests: MOBILIZE_ENV is production.", file=sys.stderr)
        return 1
    carrier = TelnyxCarrier(
        options.key,
        options.callback_base,
        signing_key=base64.b64decode(options.signing_key),
        number=options.number,
        port=options.port,
        deliver_to=options.deliver_to,
        state=options.state,
    )
    print(f"TELNYX_PUBLIC_KEY={carrier.public_key}", flush=True)
    with suppress(KeyboardInterrupt):
        asyncio.run(carrier.serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
