"""Texts to oneself: how a reminder or a broadcast reads on a phone, before it goes to others."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from mobilize.accounts.models import Person
from mobilize.database import new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import may_text

USELESS_AFTER = timedelta(minutes=10)


def text_to_oneself(
    person: Person,
    wording: str,
    language: str,
    merge_fields: Mapping[str, str],
    *,
    purpose: str,
    tz: str,
    now: datetime,
) -> None:
    """Queue one text to the person's own number, and to no other; each call is one text. It waits in the
    outbox like every text, so a trial and its carrier hold for it too. Refused: no_phone, also where
    `may_text` says no."""
    if person.phone is None or may_text(person.phone, TextClass.REQUESTED):
        raise Refused("no_phone", _("There is no number of yours that we may text."))
    text = PlannedText(
        purpose=f"{purpose}:{new_id()}",
        phone=person.phone,
        wording=wording,
        language=language,
        text_class=TextClass.REQUESTED,
        tz=tz,
        due_at=now,
        expires_at=now + USELESS_AFTER,
        priority=Priority.REPLY,
        merge_fields=dict(merge_fields),
    )
    queue_texts([text], now=now)
