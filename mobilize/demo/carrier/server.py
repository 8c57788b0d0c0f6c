"""A stand-in carrier for demos and tests: Twilio's Messages API on loopback.

    python -m mobilize.demo.carrier.server --port 5010 --account AC... --token ... --callback-base http://localhost:5000

It takes texts over the same REST calls, posts receipts and inbound texts with the same signature, answers
STOP, START and HELP itself, keeps a ledger of every accept (/ledger.json), misbehaves when asked (POST
/faults) and shows each phone as a phone (/). It sends nothing to anybody, and refuses to start in
production.
"""

import argparse
import asyncio
import base64
import hmac
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mobilize.demo.carrier import callbacks
from mobilize.demo.carrier.console import AccountSetup, twilio_answer
from mobilize.demo.carrier.http import Hangup, Reply, Request, json_reply, listen
from mobilize.demo.carrier.pages import ASSETS, Pages, redirect
from mobilize.demo.carrier.store import REASONS, Faults, Message, MessageStore
from mobilize.texts.carriers import INBOUND_PATHS

INBOUND_PATH = INBOUND_PATHS["twilio"]
DEMO_NUMBER = "+12135550100"
HTTP_STATUS = {20003: 401, 20404: 404, 20429: 429}


class Carrier:
    """One stand-in on 127.0.0.1. `start()` runs it in a thread of this process; `url` is where it listens."""

    api: tuple[str, ...] = ("/2010-04-01/", "/v1/")  # where the addresses of its API begin

    def __init__(
        self,
        account: str,
        token: str,
        callback_base: str,
        *,
        port: int = 0,
        number: str = DEMO_NUMBER,
        deliver_to: str = "",
        state: Path | None = None,
        zone: str = "America/Los_Angeles",
    ):
        self.account, self.token, self.port = account, token, port
        self.callback_base, self.deliver_to = callback_base.rstrip("/"), deliver_to
        self.store, self.faults = MessageStore(account, number, state), Faults()
        self.pages, self.setup = Pages(self.store, zone), AccountSetup()
        self.callback_pool = ThreadPoolExecutor(8, thread_name_prefix="callbacks")
        self.messages_path = f"/2010-04-01/Accounts/{account}/Messages"
        self.authorization = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()
        self.calls = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Carrier":
        """Listen in a thread of this process; returns when connections are taken."""
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True)
        self.thread.start()
        if not ready.wait(10):
            raise RuntimeError("the stand-in carrier did not start")
        return self

    def stop(self) -> None:
        """Stop listening; what is being answered is cut off. Safe to call twice."""
        with suppress(RuntimeError):  # the loop is closed already
            self.loop.call_soon_threadsafe(self.stopping.set)
        self.callback_pool.shutdown(wait=False, cancel_futures=True)
        self.thread.join(5)

    async def serve(self, ready: threading.Event | None = None) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await listen(self.answer, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        if ready:
            ready.set()
        await self.stopping.wait()
        server.close()

    async def answer(self, request: Request) -> Reply:
        if not request.is_local():
            return Reply(403, b"This page answers on this machine only.", "text/plain")
        if request.path.startswith(self.api):
            return await self._api(request)
        return self._page(request)

    def say(self, phone: str, body: str, *, media: int = 0) -> Message:
        """A text from `phone` to the union, as if typed on it, with so many pictures; the service is told
        from another thread."""
        message = self.store.receive(phone, body)
        self._tell(message, media)
        return message

    def _tell(self, message: Message, media: int) -> None:
        form = {
            "MessageSid": message.sid,
            "SmsMessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsStatus": "received",
            "AccountSid": self.account,
            "ApiVersion": "2010-04-01",
            "From": message.from_,
            "To": message.to,
            "FromCountry": "US",
            "ToCountry": "US",
            "NumMedia": str(media),
            "NumSegments": "1",
            "Body": message.body,
        }
        self._post(self.callback_base + INBOUND_PATH, form)

    async def _api(self, request: Request) -> Reply:
        self.calls += 1
        if self.faults.latency_ms:
            await asyncio.sleep(self.faults.latency_ms / 1000)
        if not hmac.compare_digest(request.headers.get("authorization", ""), self.authorization):
            return _refusal(20003)
        webhook = self.callback_base + INBOUND_PATH
        if answer := twilio_answer(self.setup, self.account, self.store.number, webhook, request.path):
            return answer
        if request.path == f"{self.messages_path}.json":
            return await (self._create(request) if request.method == "POST" else self._list(request))
        sid, _, part = request.path.removeprefix(f"{self.messages_path}/").partition("/")
        message = self.store.by_sid.get(sid.removesuffix(".json"))
        if message is None:
            return _refusal(20404)
        if part == "Media.json":
            return json_reply({"media_list": [], "uri": request.path, "next_page_uri": None})
        if request.method == "POST" and request.form().get("Body") == "":
            self.store.redact(message)
        return json_reply(self.store.to_json(message))

    async def _create(self, request: Request) -> Reply:
        trouble, form = self.faults.trouble(), request.form()
        if trouble and not trouble.endswith("_accepted"):
            return await self._misbehave(trouble)
        code = self.store.refusal(form, self.faults)
        if code:
            return _refusal(code)
        message = self.store.accept(form)
        reply = json_reply(self.store.to_json(message, created=True), 201)
        self.schedule_receipts(message)
        return await self._misbehave(trouble.removesuffix("_accepted")) if trouble else reply

    async def _misbehave(self, trouble: str) -> Reply:
        if trouble == "429":
            return _refusal(20429)
        if trouble == "500":
            return json_reply({"code": 20500, "message": "Internal Server Error", "status": 500}, 500)
        if trouble == "garbage":
            return Reply(201, b"<html>gateway", "text/html")
        if trouble == "hang":
            await asyncio.sleep(self.faults.hang_s)
        raise Hangup

    async def _list(self, request: Request) -> Reply:
        if self.faults.list_trouble:
            return await self._misbehave(self.faults.list_trouble)
        size = min(max(int(request.query.get("PageSize", "50")), 1), 1000)
        page = int(request.query.get("Page", "0"))
        messages = self.store.search(
            request.query.get("To", ""), request.query.get("From", ""), self.faults.list_lag_s
        )
        if "DateSent>" in request.query:
            after = datetime.fromisoformat(request.query["DateSent>"]).timestamp()
            messages = [message for message in messages if message.created_at >= after]
        part = messages[page * size : (page + 1) * size]
        return json_reply(
            {
                "messages": [self.store.to_json(message) for message in part],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(part) - 1, 0),
                "uri": self._list_address(request, page),
                "first_page_uri": self._list_address(request, 0),
                "previous_page_uri": self._list_address(request, page - 1) if page else None,
                "next_page_uri": self._list_address(request, page + 1)
                if len(messages) > (page + 1) * size
                else None,
            }
        )

    def _list_address(self, request: Request, page: int) -> str:
        parameters = "".join(f"&{k}={quote(v)}" for k, v in request.query.items() if k != "Page")
        return f"{self.messages_path}.json?Page={page}{parameters}"

    def schedule_receipts(self, message: Message) -> None:
        self.loop.call_later(self.faults.receipt_delay_ms / 1000, self._send_receipts, message)

    def _send_receipts(self, message: Message) -> None:
        code = self.faults.undeliver.get(message.to)
        if self.faults.receipt_delay_ms / 1000 > message.validity_s:
            code = 30036
        last = ("undelivered", code) if code else ("delivered", None)
        self.store.set_status(message, *last)
        steps: list[tuple[str, int | None]] = [("sent", None), last]
        for status, error in reversed(steps) if self.faults.receipts_reversed else steps:
            for _ in range(self.faults.copies_of_a_receipt() if message.callback else 0):
                self._report(message, status, error)

    def _report(self, message: Message, status: str, error: int | None) -> None:
        self._post(message.callback, self._receipt(message, status, error))

    def _receipt(self, message: Message, status: str, error: int | None) -> dict[str, str]:
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "To": message.to,
            "From": message.from_,
            "AccountSid": self.account,
            "ApiVersion": "2010-04-01",
        }
        if message.service:
            form["MessagingServiceSid"] = message.service
        return form | ({"ErrorCode": str(error)} if error else {})

    def _post(self, url: str, form: dict[str, str]) -> None:
        def headers(address: str) -> dict[str, str]:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            return kind | {"X-Twilio-Signature": callbacks.signature(self.token, address, form)}

        with suppress(RuntimeError):  # the pool is shut down: the stand-in is stopping
            self.callback_pool.submit(callbacks.post, url, urlencode(form), headers, self.deliver_to)

    def _page(self, request: Request) -> Reply:
        if request.path == "/ledger.json":
            return json_reply(self.store.ledger(int(request.query.get("since", "0"))))
        if request.path == "/faults":
            return self._set_faults(request)
        if request.path in ASSETS:
            return self.pages.asset(request.path)
        phone = re.fullmatch(r"/phones/(\+1\d{10})(/say)?", request.path)
        if phone and phone[2] and request.method == "POST":
            return self._take_text(request, phone[1])
        if phone:
            return self.pages.phone(request, phone[1])
        pages = {"/open": self.pages.open_phone, "/talks": self.pages.talks}
        return pages.get(request.path, self._front_page)(request)

    def _front_page(self, request: Request) -> Reply:
        return self.pages.phones(request) if request.path == "/" else redirect("/")

    def _take_text(self, request: Request, phone: str) -> Reply:
        """With `at`, it was sent then and the service did not hear it: it stands in the log alone."""
        body, at = request.form().get("body", "")[:1600], request.form().get("at", "")
        if at:
            self.store.receive(phone, body, datetime.fromisoformat(at))
        else:
            self.say(phone, body)
        return redirect(f"/phones/{phone}")

    def _set_faults(self, request: Request) -> Reply:
        try:
            self.faults.update(request.json() if request.method == "POST" else {})
        except (KeyError, ValueError, AttributeError) as problem:
            return json_reply({"error": str(problem)}, 400)
        return json_reply(vars(self.faults))


def _refusal(code: int) -> Reply:
    status = HTTP_STATUS.get(code, 400)
    reason = REASONS.get(code, "The message cannot be sent")
    body: dict[str, Any] = {
        "code": code,
        "message": reason,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return json_reply(body, status)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mobilize.demo.carrier.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--callback-base", required=True, help="the service's public address")
    parser.add_argument("--deliver-to", default="", help="post there instead, signed for the public address")
    parser.add_argument("--number", default=DEMO_NUMBER)
    parser.add_argument("--zone", default=os.environ.get("UNION_TIMEZONE", "America/Los_Angeles"))
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--state", type=Path, help="keep the messages in this file")
    options = parser.parse_args(arguments)
    if os.environ.get("MOBILIZE_ENV", "production") == "production":
        print("The stand-in carrier is for demos and tests: MOBILIZE_ENV is production.", file=sys.stderr)
        return 1
    carrier = Carrier(
        options.account,
        options.token,
        options.callback_base,
        port=options.port,
        number=options.number,
        deliver_to=options.deliver_to,
        state=options.state,
        zone=options.zone,
    )
    carrier.faults.latency_ms = options.latency_ms
    with suppress(KeyboardInterrupt):
        asyncio.run(carrier.serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
