"""The carrier as the office sees it: which of its settings are set, never their values, and a test text."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.models import Person
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.texts.carriers import inbound_address
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.enums import WITH_CARRIER
from mobilize.texts.models import OutboxText, Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.web.rate_limits import allow

TESTS_AN_HOUR = 5
USELESS_AFTER = timedelta(minutes=10)
# The carrier has taken it: its credentials and our sender are right.


@dataclass(frozen=True)
class CarrierSetting:
    """One setting of a carrier: whether it is set, and where its value is found."""

    name: str
    is_set: bool
    where: str


@dataclass(frozen=True)
class CarrierSetup:
    """One carrier: its settings, and the addresses that are typed into its pages."""

    title: str
    settings: list[CarrierSetting]
    addresses: list[tuple[str, str]]

    @property
    def is_begun(self) -> bool:
        return any(one.is_set for one in self.settings)

    @property
    def is_whole(self) -> bool:
        return all(one.is_set for one in self.settings)


def carriers() -> list[CarrierSetup]:
    """Each carrier there is, with what is set of it."""
    return [_twilio(), _telnyx()]


def send_test(person: Person, *, now: datetime) -> None:
    """Queue a text to the phone of whoever asks; a worker sends it. Refused: "no_carrier", "no_phone",
    "opted_out", "too_many" (above 5 an hour)."""
    if not settings().carriers_set_up:
        raise Refused("no_carrier", _("There is no carrier yet. Put its settings in place first."))
    if not person.phone:
        raise Refused("no_phone", _("You have no number here."))
    if is_opted_out(person.phone):
        raise Refused("opted_out", _("Your number said STOP. Text START from it first."))
    if not allow("test text", str(person.id), limit=TESTS_AN_HOUR, window=timedelta(hours=1), now=now):
        raise Refused("too_many", _("Five tests an hour are enough."), status=429)
    words = _(
        "%(union)s: this is a test. If you can read it, texts are going out.", union=settings().union_name
    )
    text = PlannedText(
        purpose=f"{_purpose(person)}{now.timestamp():.0f}",
        phone=person.phone,
        wording="as_written",
        language=person.language,
        text_class=TextClass.REQUESTED,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + USELESS_AFTER,
        priority=Priority.REPLY,
        merge_fields={"body": words},
    )
    queue_text(text, now=now)


def last_test(person: Person) -> OutboxText | None:
    """The last test text of this person."""
    of_person = OutboxText.idempotency_key.startswith(_purpose(person), autoescape=True)
    return db.session.scalar(select(OutboxText).where(of_person).order_by(OutboxText.id.desc()).limit(1))


def is_tested() -> bool:
    """Whether the carrier has taken a test text of anybody."""
    tests = OutboxText.idempotency_key.startswith("setup_test:"), OutboxText.state.in_(WITH_CARRIER)
    return db.session.scalar(select(OutboxText.id).where(*tests).limit(1)) is not None


def _purpose(person: Person) -> str:
    return f"setup_test:{person.id}:"


def _twilio() -> CarrierSetup:
    chosen = settings()
    on_console = _("on the first page of Twilio's console")
    return CarrierSetup(
        "Twilio",
        [
            CarrierSetting("TWILIO_ACCOUNT_SID", bool(chosen.twilio_account_sid), on_console),
            CarrierSetting("TWILIO_AUTH_TOKEN", bool(chosen.twilio_auth_token), on_console),
            CarrierSetting(
                "TWILIO_MESSAGING_SERVICE_SID",
                bool(chosen.twilio_messaging_service_sid),
                _("under Messaging, Services: it begins with MG"),
            ),
            CarrierSetting(
                "TEXT_NUMBER", bool(chosen.text_number), _("the number you bought, like +12135550100")
            ),
        ],
        [(_("Incoming messages of the messaging service, by POST"), inbound_address("twilio"))],
    )


def _telnyx() -> CarrierSetup:
    chosen = settings()
    return CarrierSetup(
        "Telnyx",
        [
            CarrierSetting("TELNYX_API_KEY", bool(chosen.telnyx_api_key), _("under API keys")),
            CarrierSetting("TELNYX_PUBLIC_KEY", bool(chosen.telnyx_public_key), _("under Keys, public key")),
            CarrierSetting(
                "TELNYX_NUMBERS", bool(chosen.telnyx_numbers), _("the numbers you bought, like +12135550100")
            ),
        ],
        [(_("Webhook of the messaging profile"), inbound_address("telnyx"))],
    )
