"""The stand-in carrier's messages, opt-outs, and a ledger of every text it accepted.

It behaves like Twilio's Messages resource for the fields Mobilize and twilio-python use
(https://www.twilio.com/docs/messaging/api/message-resource).
"""

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from mobilize.segments import segments

OPT_OUT_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
OPT_IN_WORDS = {"START", "YES", "UNSTOP"}
HELP_WORDS = {"HELP", "INFO"}

# Twilio's own magic numbers: https://www.twilio.com/docs/iam/test-credentials#test-sms-messages-parameters-To
MAGIC_NUMBERS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
REASONS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21211: "Invalid 'To' Phone Number",
    21408: "Permission to send an SMS has not been enabled for the region",
    21602: "Message body is required",
    21603: "A 'From' phone number is required",
    21604: "A 'To' phone number is required",
    21610: "Attempt to send to unsubscribed recipient",
    21612: "The message cannot be sent to this 'To' number",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    90007: "Invalid validity period value",
}


@dataclass
class Message:
    sid: str
    direction: str
    to: str
    from_: str
    body: str
    created_at: float
    status: str
    service: str = ""
    callback: str = ""
    validity_s: int = 36_000
    error_code: int | None = None


@dataclass
class Faults:
    """The troubles a test or a rehearsal asks for. A name ending in `_accepted` takes the text first.

    Troubles of a create: 429, 500, hang, drop, and 500_accepted, hang_accepted, drop_accepted,
    garbage_accepted. `next` counts how many creates will meet one; `shares` is each one's chance.
    """

    latency_ms: float = 0
    hang_s: float = 30
    next: dict[str, int] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    refuse: dict[str, int] = field(default_factory=dict)  # phone -> error code, at once
    undeliver: dict[str, int] = field(default_factory=dict)  # phone -> error code, by receipt
    list_lag_s: float = 0
    list_trouble: str = ""  # 500, garbage, hang
    receipts_lost: float = 0
    receipts_doubled: float = 0
    receipts_reversed: bool = False
    receipt_delay_ms: float = 30
    met: dict[str, int] = field(default_factory=dict)  # how often each trouble of a create happened

    def trouble(self) -> str:
        """The trouble of this create: "" for none."""
        name = self._next() or self._by_chance()
        if name:
            self.met[name] = self.met.get(name, 0) + 1
        return name

    def _next(self) -> str:
        for name, remaining in self.next.items():
            if remaining > 0:
                self.next[name] = remaining - 1
                return name
        return ""

    def _by_chance(self) -> str:
        chance = random.random()
        for name, share in self.shares.items():
            if chance < share:
                return name
            chance -= share
        return ""

    def copies_of_a_receipt(self) -> int:
        """The number of times one receipt is posted: 0 when it is lost, 2 when it is repeated."""
        if random.random() < self.receipts_lost:
            return 0
        return 2 if random.random() < self.receipts_doubled else 1

    def update(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if name not in self.__dataclass_fields__:
                raise KeyError(name)
            setattr(self, name, value)


class MessageStore:
    """All messages in order of arrival. With a `state` file, a restart of the stand-in forgets nothing."""

    def __init__(self, account: str, number: str, state: Path | None = None):
        self.account, self.number = account, number
        self.messages: list[Message] = []
        self.by_sid: dict[str, Message] = {}
        self.by_phone: dict[str, list[Message]] = {}
        self.opted_out: set[str] = set()
        self.opt_out_words, self.opt_in_words = OPT_OUT_WORDS, OPT_IN_WORDS
        self.file: TextIO | None = None
        if state:
            self._load(state)
            self.file = state.open("a", encoding="utf-8")

    def refusal(self, form: dict[str, str], faults: Faults) -> int | None:
        """The error code with which a create is refused, or None."""
        to = form.get("To", "")
        if not to:
            return 21604
        if not form.get("MessagingServiceSid") and not form.get("From"):
            return 21603
        if not form.get("Body"):
            return 21602
        if len(form["Body"]) > 1600:
            return 21617
        if not 1 <= int(form.get("ValidityPeriod", "36000")) <= 36_000:
            return 90007
        if to in self.opted_out:
            return 21610
        if not (to.startswith("+1") and len(to) == 12 and to[1:].isdigit()):
            return 21211
        return MAGIC_NUMBERS.get(to) or faults.refuse.get(to)

    def accept(self, form: dict[str, str]) -> Message:
        """Take one text for sending; from here on it counts as sent once."""
        service = form.get("MessagingServiceSid", "")
        return self._add(
            Message(
                sid=_make_sid(),
                direction="outbound-api",
                to=form["To"],
                from_=form.get("From") or self.number,
                body=form["Body"],
                created_at=datetime.now(UTC).timestamp(),
                status="accepted" if service else "queued",
                service=service,
                callback=form.get("StatusCallback", ""),
                validity_s=int(form.get("ValidityPeriod", "36000")),
            )
        )

    def receive(self, phone: str, body: str, at: datetime | None = None) -> Message:
        """A text from a phone to the union's number, now unless `at` says when; the carrier itself answers
        its bare keywords."""
        message = self._store_message("inbound", phone, self.number, body, "received", at)
        word = body.strip().upper()
        if word in self.opt_out_words:
            self._set_opt_out(phone, opted_out=True)
            self._reply(
                phone, "You have been unsubscribed and will get no more texts. Reply START to come back."
            )
        elif word in self.opt_in_words and phone in self.opted_out:
            self._set_opt_out(phone, opted_out=False)
            self._reply(phone, "You will get texts again. Reply STOP to end them.")
        elif word in HELP_WORDS:
            self._reply(phone, "Reply STOP to get no more texts. Message and data rates may apply.")
        return message

    def set_status(self, message: Message, status: str, error_code: int | None = None) -> None:
        message.status, message.error_code = status, error_code
        self._append({"status": [message.sid, status, error_code]})

    def redact(self, message: Message) -> None:
        """Forget the words of a message, and keep that there was one."""
        message.body = ""
        self._append({"redacted": message.sid})

    def search(self, to: str, from_: str, lag_s: float) -> list[Message]:
        """Newest first, by the moment each was sent; with a lag, the newest are not in the list yet."""
        until = datetime.now(UTC).timestamp() - lag_s
        phone = to if to != self.number else from_
        candidates = self.by_phone.get(phone, []) if phone else self.messages
        matches = [
            m
            for m in reversed(candidates)
            if m.created_at <= until and (not to or m.to == to) and (not from_ or m.from_ == from_)
        ]
        return sorted(matches, key=lambda m: -m.created_at)

    def ledger(self, since: int = 0) -> list[dict[str, Any]]:
        """Every text taken from the service, oldest first; the carrier's own keyword answers are not in
        it."""
        accepted = [m for m in self.messages if m.direction == "outbound-api"]
        return [asdict(m) for m in accepted[since:]]

    def to_json(self, message: Message, *, created: bool = False) -> dict[str, Any]:
        """One message as Twilio's JSON. A `created` one of a service has no sender and no segments yet."""
        path = f"/2010-04-01/Accounts/{self.account}/Messages/{message.sid}"
        date = format_datetime(datetime.fromtimestamp(message.created_at, UTC))
        unassigned = created and bool(message.service)
        return {
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": message.body,
            "date_created": date,
            "date_sent": None if created else date,
            "date_updated": date,
            "direction": message.direction,
            "error_code": message.error_code,
            "error_message": REASONS.get(message.error_code or 0),
            "from": None if unassigned else message.from_,
            "messaging_service_sid": message.service or None,
            "num_media": "0",
            "num_segments": "0" if unassigned else str(segments(message.body)),
            "price": None,
            "price_unit": None,
            "sid": message.sid,
            "status": message.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": message.to,
            "uri": f"{path}.json",
        }

    def _reply(self, phone: str, body: str) -> None:
        self._store_message("outbound-reply", self.number, phone, body, "delivered")

    def _store_message(
        self, direction: str, from_: str, to: str, body: str, status: str, at: datetime | None = None
    ) -> Message:
        moment = (at or datetime.now(UTC)).timestamp()
        return self._add(Message(_make_sid(), direction, to, from_, body, moment, status))

    def _add(self, message: Message) -> Message:
        self._index(message)
        self._append({"message": asdict(message)})
        return message

    def _index(self, message: Message) -> None:
        self.messages.append(message)
        self.by_sid[message.sid] = message
        phone = message.from_ if message.direction == "inbound" else message.to
        self.by_phone.setdefault(phone, []).append(message)

    def _set_opt_out(self, phone: str, *, opted_out: bool) -> None:
        (self.opted_out.add if opted_out else self.opted_out.discard)(phone)
        self._append({"out" if opted_out else "in": phone})

    def _append(self, line: dict[str, Any]) -> None:
        if self.file:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()

    def _load(self, state: Path) -> None:
        state.parent.mkdir(parents=True, exist_ok=True)
        lines = state.read_text(encoding="utf-8").splitlines() if state.exists() else []
        for line in _parse_lines(lines):
            if "message" in line:
                self._index(Message(**line["message"]))
            elif "status" in line:
                sid, status, code = line["status"]
                self.by_sid[sid].status, self.by_sid[sid].error_code = status, code
            elif "redacted" in line:
                self.by_sid[line["redacted"]].body = ""
            elif "out" in line:
                self.opted_out.add(line["out"])
            elif "in" in line:
                self.opted_out.discard(line["in"])


def _parse_lines(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The last line may have been cut off by a kill."""
    for line in lines:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _make_sid() -> str:
    return "SM" + uuid4().hex
