"""The phones of a simulated morning. They know what a phone knows, and use the pages that everybody uses.

Each has its own cookies. Limits are by device and by number, never by address, so that a thousand phones on
this one machine are treated like a thousand phones behind one mobile carrier's address.
"""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

TIMEOUT_S = 20


class Browser:
    """One phone's browser on the service at `base`."""

    def __init__(self, base: str):
        self.base = base
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> str:
        """The page. Raises OSError when it is refused or not reached."""
        return self._open(Request(self.base + path))  # noqa: S310 - the demo's own address

    def post(self, path: str, form: Mapping[str, str]) -> str:
        """A form as a browser sends it."""
        return self._open(self._request(path, urlencode(form).encode(), "application/x-www-form-urlencoded"))

    def post_json(self, path: str, payload: object) -> dict[str, object]:
        """Post as a script does; returns the JSON of the answer."""
        response = self._open(self._request(path, json.dumps(payload).encode(), "application/json"))
        result: dict[str, object] = json.loads(response)
        return result

    def _request(self, path: str, body: bytes, content_type: str) -> Request:
        headers = {"Content-Type": content_type, "Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        return Request(self.base + path, body, headers)  # noqa: S310

    def _open(self, request: Request) -> str:
        with self._opener.open(request, timeout=TIMEOUT_S) as response:
            body: bytes = response.read()
        return body.decode()


class MemberPhone:
    """It scans the poster; the page keeps the tap with its time, and sends it when there is a network."""

    def __init__(self, base: str):
        self.browser = Browser(base)

    def check_in(self, code: str, typed: str, at: datetime, now: datetime) -> bool:
        """Whether the service says that it holds it."""
        page = self.browser.get(f"/c/{code}")
        token = re.search(r'name="token"[^>]*value="([^"]+)"', page)
        if token is None:
            return False
        payload = {"nonce": secrets.token_hex(16), "typed": typed, "token": token.group(1)}
        times = {"at": at.isoformat(), "sent_at": now.isoformat()}
        return self.browser.post_json(f"/c/{code}", payload | times).get("stored") is True


class LinePhone:
    """A captain's phone: the link opened once, then items from the page's queue."""

    def __init__(self, base: str, token: str, code: str):
        self.browser, self.code = Browser(base), code
        self.browser.post(f"/l/{token}", {})

    def send_item(self, kind: str, at: datetime, now: datetime, **fields: object) -> bool:
        """One item; whether it was stored."""
        item = {"nonce": secrets.token_hex(16), "kind": kind, "at": at.isoformat(), **fields}
        batch = {"items": [item], "sent_at": now.isoformat()}
        items = self.browser.post_json(f"/line/{self.code}/items", batch)["items"]
        return isinstance(items, list) and all(result["stored"] for result in items)


class CarrierPhones:
    """Texts, as they are typed on the stand-in carrier's own pages; and what arrived on its phones."""

    def __init__(self, carrier: str):
        self.browser = Browser(carrier.rstrip("/"))

    def say(self, phone: str, body: str, at: datetime | None = None) -> bool:
        """From this phone to the union. The carrier delivers it, signed, as it would any; what was sent `at`
        an earlier moment stands in its log alone."""
        when = {"at": at.isoformat()} if at else {}
        try:
            self.browser.post(f"/phones/{quote(phone)}/say", {"body": body, **when})
        except HTTPError:
            return False
        return True

    def received(self, since: int) -> list[tuple[str, str]]:
        """(phone, body) of the texts the union has sent, behind the first `since` of all."""
        texts = json.loads(self.browser.get(f"/ledger.json?since={since}"))
        return [(text["to"], text["body"]) for text in texts]
