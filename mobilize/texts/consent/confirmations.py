"""The confirmation of an opt-out: the one text that a number which opted out still gets.

It goes to the number that wrote, within five minutes, once per opt-out, whatever is paused; the next one
begins with a START.
"""

from datetime import datetime

from sqlalchemy import select

from mobilize import settings
from mobilize.database import db
from mobilize.keys.crypto import blind_index
from mobilize.texts.consent.suppressions import CONFIRM_WITHIN, OPT_OUT
from mobilize.texts.models import Inbound, Suppression, TextClass
from mobilize.texts.operations import PlannedText, drop_texts, queue_texts
from mobilize.texts.sending import lanes


def confirm_opt_out(inbound: Inbound, phone: str, wording: str, *, language: str, now: datetime) -> bool:
    """Queue the confirmation in one of `CONFIRMATIONS`, by the way the wish came; False when this opt-out has
    one already. `now` is when the wish came in."""
    text = PlannedText(
        purpose=f"{OPT_OUT}:{_last_opt_in(phone)}:1",
        phone=phone,
        wording=wording,
        language=language,
        text_class=TextClass.REQUESTED,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + CONFIRM_WITHIN,
        priority=lanes.priority_in(lanes.CONFIRMATIONS, inbound.phone_index, now=now),
        carrier=inbound.carrier,
        number=inbound.number,
    )
    return queue_texts([text], now=now) == 1


def drop_confirmation(phone: str, *, now: datetime) -> None:
    """Take back a confirmation that still waits, because the number wants texts again."""
    drop_texts(f"{OPT_OUT}:", "back_in", now=now, phones=[phone])


def _last_opt_in(phone: str) -> int:
    """The moment of the last START in milliseconds, which tells one opt-out from the next; 0 for none."""
    of_number = Suppression.phone_index == blind_index("phone", phone)
    moment = db.session.scalar(select(Suppression.back_in_at).where(of_number))
    return int(moment.timestamp() * 1000) if moment else 0
