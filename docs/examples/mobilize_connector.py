"""Mobilize as a connector in the manner of parsons: a method for what is done most, lists as plain rows.

Every other operation of the document goes through `rows`, `get` and `post`. It needs `requests`, and nothing
of this repository: copy the file. With parsons, `Table(mobilize.get_events())`.
"""

import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

Row = dict[str, Any]


class MobilizeError(Exception):
    """What the union's rules declined, or what does not fit: `code` stays, `detail` is for people."""

    def __init__(self, problem: Row):
        self.code, self.status = problem["code"], problem["status"]
        self.errors = problem.get("errors", [])
        super().__init__(f"{self.code}: {problem.get('detail') or problem['title']}")


class Mobilize:
    """`uri` and `token` are MOBILIZE_URI and MOBILIZE_TOKEN unless given; an answer is waited for `timeout`
    seconds, and after a failure the next try for `pause`."""

    def __init__(
        self, uri: str | None = None, token: str | None = None, *, timeout: float = 30, pause: float = 2
    ):
        self.timeout, self.pause = timeout, pause
        self.uri = f"{(uri or os.environ['MOBILIZE_URI']).rstrip('/')}/api/v1"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token or os.environ['MOBILIZE_TOKEN']}"

    def rows(self, path: str, **filters: str) -> list[Row]:
        """Every item of a list of the document, page by page: `rows("/events", action_id=...)`."""
        return list(self._pages(path, **filters))

    def get(self, path: str, **query: str) -> Row:
        """Any operation that reads: `get(f"/campaigns/{id}/series")`."""
        return self._send("GET", path, query=query)

    def post(self, path: str, body: Row, *, key: str | None = None) -> Row:
        """Any operation that changes something: `post(f"/actions/{id}/call-off", {})`."""
        return self._send("POST", path, key=key, body=body)

    def get_areas(self) -> list[Row]:
        return self.rows("/areas")

    def get_sites(self, **filters: str) -> list[Row]:
        return self.rows("/sites", **filters)

    def get_members(self, **filters: str) -> list[Row]:
        return self.rows("/members", **filters)

    def get_actions(self, **filters: str) -> list[Row]:
        return self.rows("/actions", **filters)

    def get_events(self, **filters: str) -> list[Row]:
        return self.rows("/events", **filters)

    def get_turnout(self, action_id: str) -> Row:
        """The counts that outsiders may read."""
        return self._send("GET", f"/actions/{action_id}/turnout")

    def get_chapters(self, action_id: str) -> list[Row]:
        """Every count by name, a row a chapter."""
        chapters: list[Row] = self._send("GET", f"/actions/{action_id}/turnout/chapters")["chapters"]
        return chapters

    def get_check_ins(self, event_id: str) -> list[Row]:
        return self.rows(f"/events/{event_id}/check-ins")

    def check_in(self, event_id: str, *, key: str | None = None, **report: Any) -> Row:
        """`member=` an id, or `typed=` a number or a name. With a `key` of your own it may be repeated for
        ever."""
        return self._send("POST", f"/events/{event_id}/check-ins", key=key, body=report)

    def check_in_many(self, event_id: str, items: list[Row]) -> list[Row]:
        """Any number of items, each with its own `key`; a hundred at a time."""
        answers: list[Row] = []
        for start in range(0, len(items), 100):
            body = {"items": items[start : start + 100]}
            answers += self._send("POST", f"/events/{event_id}/check-ins/batch", body=body)["data"]
        return answers

    def report_head_count(self, event_id: str, n: int, *, key: str | None = None, **more: Any) -> Row:
        return self._send("POST", f"/events/{event_id}/head-counts", key=key, body={"n": n, **more})

    def report_supporters(self, event_id: str, delta: int, *, key: str | None = None, **more: Any) -> Row:
        return self._send("POST", f"/events/{event_id}/supporters", key=key, body={"delta": delta, **more})

    def create_event(self, site_id: str, *, key: str | None = None, **plan: Any) -> Row:
        """At one site: `name=` by language, `starts_at=` and `ends_at=` with their zone."""
        return self._send("POST", f"/sites/{site_id}/events", key=key, body=plan)

    def create_action(self, *, key: str | None = None, **plan: Any) -> Row:
        """At every site or in `area_ids=`. It is prepared: a person makes it at the `confirm_url` of the
        answer, and from then on it has the answer's `id`."""
        return self._send("POST", "/actions", key=key, body=plan)

    def write_text(self, action_id: str, text: Row, *, key: str | None = None, **more: Any) -> Row:
        """A draft, by language; the token's maker sends it at the `confirm_url` of the answer."""
        return self._send("POST", f"/actions/{action_id}/texts", key=key, body={"text": text, **more})

    def get_reminders(self, action_id: str) -> list[Row]:
        """An action's reminders: when they go out, to how many phones, at what price."""
        rows: list[Row] = self._send("GET", f"/actions/{action_id}/reminders")["reminders"]
        return rows

    def set_reminder(
        self, action_id: str, kind: str, on: bool, *, key: str | None = None, **times: Any
    ) -> Row:
        """Off at once; on it is prepared, with these times (`at_local="17:30"`), and a person saves it."""
        body = {"kind": kind, "on": on, **times}
        return self._send("POST", f"/actions/{action_id}/reminders", key=key, body=body)

    def _pages(self, path: str, **filters: str) -> Iterator[Row]:
        query: dict[str, str] = {"limit": "200", **filters}
        while True:
            page = self._send("GET", path, query=query)
            yield from page["data"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def _send(
        self,
        method: str,
        path: str,
        query: Row | None = None,
        body: Row | None = None,
        key: str | None = None,
    ) -> Row:
        """Tried again under the same key while the service is away, slow, or asks to wait: nothing is done
        twice."""
        headers = {} if method == "GET" else {"Idempotency-Key": key or uuid.uuid4().hex}
        request: Row = {"params": query, "json": body, "headers": headers, "timeout": self.timeout}
        for _try in range(3):
            try:
                answer = self.session.request(method, self.uri + path, **request)
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(self.pause)
                continue
            if answer.status_code not in _AWAY:
                return _read(answer)
            time.sleep(_wait(answer, self.pause))
        return _read(self.session.request(method, self.uri + path, **request))


# Too many requests, and what a proxy says while the service starts again.
_AWAY = (429, 502, 503, 504)


def _wait(answer: requests.Response, pause: float) -> float:
    """As long as the service asks for."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else pause


def _read(answer: requests.Response) -> Row:
    """What was answered; a proxy's own page, and whatever else is no JSON of ours, is an error too."""
    try:
        result = answer.json()
    except ValueError:
        result = None
    if answer.ok and isinstance(result, dict):
        return result
    if not isinstance(result, dict) or "code" not in result:
        result = {"code": "not_ours", "title": answer.reason, "status": answer.status_code}
    raise MobilizeError(result)
