"""What a member decides herself on her page: language, urgent texts, texts at all."""

import uuid
from datetime import datetime

from mobilize import audit
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import LANGUAGES, _
from mobilize.privacy.wording import version_on_page
from mobilize.roster.models import Member
from mobilize.texts.consents import note_consent
from mobilize.texts.models import ConsentKind
from mobilize.texts.phone_rules import opt_in, opt_out

PAGE = "page"
HERSELF = "member"


def choose_language(member_id: uuid.UUID, language: str, *, now: datetime) -> None:
    """Texts come in this language until the roster's own value changes. Refused: "unknown_language"."""
    if language not in LANGUAGES:
        raise Refused("unknown_language", _("Choose one of the languages listed."))
    with atomic() as session:
        member = session.get_one(Member, member_id, with_for_update=True)
        if member.language != language:
            member.language = language
            audit.note(HERSELF, f"member.language.{language}", member.id, now=now)


def agree_to_urgent(member_id: uuid.UUID, agrees: bool, *, now: datetime) -> None:
    """Urgent texts at any hour: agreed from now, or not any more. Twice is once."""
    with atomic() as session:
        member = session.get_one(Member, member_id, with_for_update=True)
        if (member.urgent_ok_at is not None) != agrees:
            member.urgent_ok_at = now if agrees else None
            # No roster file turns it on again.
            member.urgent_off_at = None if agrees else now
            said = "yes" if agrees else "no"
            if member.phone:
                words = version_on_page(f"urgent_{said}")
                note_consent(member.phone, ConsentKind.URGENT, given=agrees, how=PAGE, wording=words, now=now)
            audit.note(HERSELF, f"member.urgent.{said}", member.id, now=now)


def stop_texts(member_id: uuid.UUID, stop: bool, *, now: datetime) -> None:
    """No text to her phone any more, or texts again. It holds for the number, whoever shares it."""
    with atomic() as session:
        member = session.get_one(Member, member_id)
        if member.phone is None:
            return
        said = "stop" if stop else "start"
        decide = opt_out if stop else opt_in
        decide(member.phone, source=PAGE, wording=version_on_page(f"texts_{said}"), now=now)
        audit.note(HERSELF, f"member.texts.{said}", member.id, now=now)
