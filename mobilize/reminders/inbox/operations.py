"""Operations on a text in the inbox: answering it, and marking it as done."""

import hashlib
from datetime import datetime, timedelta

from mobilize import audit, settings
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.merge_fields import written_in
from mobilize.texts.models import Inbound, Priority, TextClass
from mobilize.texts.operations import PlannedText, mark_done, queue_texts
from mobilize.texts.queries import may_text
from mobilize.texts.receiving.inbound import language_of

AT_ANY_HOUR_FOR = timedelta(minutes=10)  # so long after a text its answer leaves at any hour
USELESS_AFTER = timedelta(hours=24)
LONGEST_ANSWER = 300


def finish_inbound(inbound: Inbound, *, actor: str, now: datetime) -> bool:
    """Mark it as done; False when somebody else has."""
    with atomic():
        done = mark_done(inbound.id, actor, now=now)
        if done:
            audit.note(actor, "inbox.done", inbound.id, now=now)
        return done


def answer_inbound(inbound: Inbound, written: str, *, actor: str, now: datetime) -> None:
    """Answer it in the union's name, through the outbox, and mark it done. The same words twice leave once.

    Within ten minutes at any hour, later between 8:00 and 21:00. Refused: no_words, too_long, no_phone.
    """
    body = " ".join(written.replace("\0", "").split())
    if not body:
        raise Refused("no_words", _("Write an answer."))
    if len(body) > LONGEST_ANSWER:
        raise Refused("too_long", _("Use 300 letters at most."))
    if inbound.sender is None or may_text(inbound.sender):
        raise Refused("no_phone", _("This number wants no texts, or cannot get any. Call instead."))
    soon = now - inbound.received_at < AT_ANY_HOUR_FOR
    text = PlannedText(
        purpose=f"inbox:{inbound.id}:{hashlib.sha256(body.encode()).hexdigest()[:12]}",
        carrier=inbound.carrier,
        number=inbound.number,
        phone=inbound.sender,
        wording="as_written",
        language=written_in(language_of(inbound.phone_index)),
        text_class=TextClass.REQUESTED if soon else TextClass.NOTICE,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + USELESS_AFTER,
        priority=Priority.REPLY,
        merge_fields={"body": f"{settings().union_name}: {body}"},
    )
    with atomic():
        queue_texts([text], now=now)
        mark_done(inbound.id, actor, now=now)
        audit.note(actor, "inbox.answer", inbound.id, now=now)
