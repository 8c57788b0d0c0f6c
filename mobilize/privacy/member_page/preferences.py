"""Preferences that members set on their own page: language, urgent texts, texts at all."""

import uuid
from datetime import datetime

from mobilize import audit
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import LANGUAGES, _
from mobilize.privacy.labels import version_on_page
from mobilize.roster.models import Member
from mobilize.texts.consent.consents import note_consent
from mobilize.texts.consent.suppressions import opt_in, opt_out
from mobilize.texts.models import ConsentKind

PAGE = "page"
ACTOR = "member"


def choose_language(member_id: uuid.UUID, language: str, *, now: datetime) -> None:
    """Set the language of a member's texts until the roster's value changes. Refused: "unknown_language"."""
    if language not in LANGUAGES:
        raise Refused("unknown_language", _("Choose one of the languages listed."))
    with atomic() as session:
        member = session.get_one(Member, member_id, with_for_update=True)
        if member.language != language:
            member.language = language
            audit.note(ACTOR, f"member.language.{language}", member.id, now=now)


def agree_to_urgent(member_id: uuid.UUID, agrees: bool, *, now: datetime) -> None:
    """Give or withdraw the consent to urgent texts at any hour. Twice is once."""
    with atomic() as session:
        member = session.get_one(Member, member_id, with_for_update=True)
        if (member.urgent_ok_at is not None) != agrees:
            member.urgent_ok_at = now if agrees else None
            # No roster file turns it on again.
            member.urgent_off_at = None if agrees else now
            answer = "yes" if agrees else "no"
            if member.phone:
                words = version_on_page(f"urgent_{answer}")
                note_consent(
                    member.phone, ConsentKind.URGENT, agreed=agrees, how=PAGE, wording=words, now=now
                )
            audit.note(ACTOR, f"member.urgent.{answer}", member.id, now=now)


def stop_texts(member_id: uuid.UUID, stop: bool, *, now: datetime) -> None:
    """Stop texts to a member's phone, or start them again. It holds for the number, whoever shares it."""
    with atomic() as session:
        member = session.get_one(Member, member_id)
        if member.phone is None:
            return
        answer = "stop" if stop else "start"
        decide = opt_out if stop else opt_in
        decide(member.phone, source=PAGE, wording=version_on_page(f"texts_{answer}"), now=now)
        audit.note(ACTOR, f"member.texts.{answer}", member.id, now=now)
