"""The stand-in carrier's pages: every demo phone with its texts, and a form to answer them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.support import Translations
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from mobilize.demo.carrier.http import Reply, Request
from mobilize.demo.carrier.store import Message, MessageStore
from mobilize.languages import DEFAULT, LANGUAGES
from mobilize.phones import format_phone, normalize

FOLDER = Path(__file__).parent
PACKAGE = FOLDER.parents[1]
PHONES_ON_A_PAGE = 100
TALKS_ON_A_PAGE, TEXTS_OF_A_TALK = 60, 4
# What the service asks for: a figure, or HERE with a line's code.
_AS_ASKED = re.compile(r"(HERE )?\d+", re.IGNORECASE)
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
ASSETS = {"/carrier.css": "text/css", "/carrier.js": "text/javascript"}


class Pages:
    def __init__(self, store: MessageStore, zone: str):
        self.store, self.zone = store, ZoneInfo(zone)
        self.environment = Environment(
            loader=FileSystemLoader(PACKAGE.parent / "templates" / "demo"),
            autoescape=True,
            extensions=["jinja2.ext.i18n"],
        )

    def phones(self, request: Request) -> Reply:
        """Every phone with texts, latest first; `q` keeps those whose number contains these digits."""
        digits = "".join(c for c in request.query.get("q", "") if c.isdigit())
        phones = [p for p in self.store.by_phone if digits in p]
        phones.sort(key=lambda phone: self.store.by_phone[phone][-1].created_at, reverse=True)
        rows = [(phone, self.store.by_phone[phone]) for phone in phones[:PHONES_ON_A_PAGE]]
        return self._page(request, "phones.html", rows=rows, total=len(phones), digits=digits)

    def talks(self, request: Request) -> Reply:
        """What people texted in their own words last, and what they got: the latest first."""
        talks = {phone: talk for phone, texts in self.store.by_phone.items() if (talk := latest_talk(texts))}
        latest = sorted(talks.items(), key=lambda item: item[1][-1].created_at, reverse=True)
        return self._page(request, "talks.html", talks=latest[:TALKS_ON_A_PAGE], total=len(talks))

    def open_phone(self, request: Request) -> Reply:
        """From a typed number to that phone's page; back to the list when it is no number."""
        phone = normalize(request.query.get("number", "")).phone
        return redirect(f"/phones/{quote(phone)}" if phone else "/")

    def phone(self, request: Request, phone: str) -> Reply:
        return self._page(request, "phone.html", phone=phone, messages=self.store.by_phone.get(phone, []))

    def asset(self, path: str) -> Reply:
        return Reply(200, (FOLDER / path.lstrip("/")).read_bytes(), ASSETS[path], dict(SECURITY_HEADERS))

    def _page(self, request: Request, template: str, **values: object) -> Reply:
        accepted = request.headers.get("accept-language", "").lower()
        language = next((code for code in LANGUAGES if accepted.startswith(code)), DEFAULT)
        words = Translations.load(str(PACKAGE / "translations"), [language])
        page = self.environment.overlay()
        page.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
        body = page.get_template(template).render(
            language=language,
            format_phone=format_phone,
            format_time=self._format_time,
            link_addresses=link_addresses,
            store=self.store,
            **values,
        )
        return Reply(200, body.encode(), "text/html; charset=utf-8", dict(SECURITY_HEADERS))

    def _format_time(self, message: Message) -> str:
        moment = datetime.fromtimestamp(message.created_at, UTC).astimezone(self.zone)
        return f"{moment:%b} {moment.day}, {moment:%H:%M:%S}"


def latest_talk(messages: Sequence[Message]) -> Sequence[Message]:
    """The last text in somebody's own words, with the one before it and what came after; none without one."""
    own = [n for n, message in enumerate(messages) if is_in_own_words(message)]
    return messages[max(own[-1] - 1, 0) :][:TEXTS_OF_A_TALK] if own else []


def is_in_own_words(message: Message) -> bool:
    """A text from a phone that is more than a figure, or HERE with a code."""
    return message.direction == "inbound" and not _AS_ASKED.fullmatch(message.body.strip())


def redirect(address: str) -> Reply:
    return Reply(303, b"", "text/plain", {"Location": address, **SECURITY_HEADERS})


def link_addresses(body: str) -> Markup:
    """The text with its web addresses as links, as a phone shows it."""
    words = (
        Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(word)
        if word.startswith(("http://", "https://"))
        else escape(word)
        for word in body.split(" ")
    )
    return Markup(" ").join(words)
