"""Opt-ins on the public page: a number typed there and a box ticked. No text follows, to nobody.

Anybody may type any number, and gets the same answer: one row is stored, and a worker notes the consent of
a number on the roster. What somebody types for another phone undoes no STOP: only that phone can say START.
"""

from datetime import datetime
from functools import partial

from sqlalchemy import select

from mobilize.accounts.models import CodeRequest
from mobilize.accounts.sign_in.one_time_codes import ask_for_code, phones_waiting, requests_waiting, waiting
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.keys.tokens import random_token
from mobilize.languages import _
from mobilize.privacy.labels import version_on_page
from mobilize.roster.models import Member
from mobilize.texts.consent.consents import consents_of, note_consent
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.models import ConsentKind

PURPOSE, FORM = "opt_in", "form"
# SELECT of the opt-ins that no worker has looked at, by the moment.
unread = partial(requests_waiting, PURPOSE)


def ask_for_texts(phone_typed: str, agreed: bool, *, language: str, now: datetime) -> None:
    """Store one opt-in; `note_opt_ins` decides later, so that a stranger sees no difference.

    It is a request as for a code, which no text answers. Refused: "not_agreed" without the tick, "bad_phone".
    """
    if not agreed:
        raise Refused("not_agreed", _("Tick the box if you want texts. Without it nothing is saved."))
    ask_for_code(phone_typed, random_token(), language=language, now=now, purpose=PURPOSE)


def note_opt_ins(*, now: datetime) -> int:
    """Note the consent of each number on the roster that opted in since; returns how many. Safe to run twice
    and at once. One that agreed to the same words before, or said STOP, gets no further row."""
    on_roster = select(Member.phone_index).where(
        Member.erased_at.is_(None), Member.merged_into_id.is_(None), Member.phone_index.is_not(None)
    )
    return sum(_note(phone_index, now) for phone_index in phones_waiting(PURPOSE, on_roster, now=now))


def _note(phone_index: bytes, now: datetime) -> bool:
    with atomic() as session:
        requested = select(CodeRequest).where(*waiting(PURPOSE), CodeRequest.phone_index == phone_index)
        requests = session.scalars(requested.order_by(CodeRequest.id).with_for_update()).all()
        for request in requests:
            request.looked_at = now
        words = version_on_page("texts_agree")
        if not requests or is_opted_out(requests[0].phone) or _agreed_before(requests[0].phone, words):
            return False
        phone, asked_at = requests[0].phone, requests[0].asked_at
        note_consent(phone, ConsentKind.TEXTS, agreed=True, how=FORM, wording=words, now=asked_at)
        return True


def _agreed_before(phone: str, words: str) -> bool:
    consents = [one for one in consents_of(phone) if one.kind is ConsentKind.TEXTS]
    return bool(consents) and consents[-1].granted and consents[-1].wording == words
