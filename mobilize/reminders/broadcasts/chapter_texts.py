"""Texts of chairs to their own chapter, in one of the approved wordings."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Event
from mobilize.actions.queries import is_open
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import Translated, _
from mobilize.reminders.models import Audience, AudienceFilter, Broadcast, BroadcastState
from mobilize.roster.models import Site
from mobilize.texts.templates import template, written_languages

# Wordings a chair may send; the chair fills in `{where}`.
APPROVED = ("chair_reminder", "chair_meet_at", "chair_come", "chair_thanks")
ONLY_TO_MISSING = ("chair_reminder", "chair_come")
NEEDS_PLACE = ("chair_meet_at",)
LONGEST_PLACE = 40
TEXTS_A_DAY = 2


def timely_wordings(event: Event, now: datetime) -> list[str]:
    """The approved wordings that are true now: a reminder before the start, a new place until the end, a call
    for people while check-in is open, and thanks from the start to a day after the end. None when it is
    called off."""
    if event.is_called_off or event.action.called_off_at:
        return []
    fits = {
        "chair_reminder": now < event.starts_at,
        "chair_meet_at": now < event.ends_at,
        "chair_come": is_open(event, now),
        "chair_thanks": event.starts_at <= now <= event.ends_at + timedelta(days=1),
    }
    return [wording for wording in APPROVED if fits[wording]]


def approved_words(wording: str, where: str) -> Translated:
    """An approved wording in every language, with the place filled in.

    Refused: no_such_words, no_place, bad_place.
    """
    if wording not in APPROVED:
        raise Refused("no_such_words", _("Choose one of the texts."))
    place = " ".join(where.replace("\0", "").split())
    if wording in NEEDS_PLACE and not place:
        raise Refused("no_place", _("Enter where you meet now."))
    if len(place) > LONGEST_PLACE or set("{}") & set(place) or "://" in place:
        raise Refused("bad_place", _("Use 40 letters at most, and no link."))
    return Translated(
        {code: template(wording, code).replace("{where}", place) for code in written_languages()}
    )


def write_to_chapter(
    event: Event,
    site: Site,
    wording: str,
    where: str,
    whom: AudienceFilter = AudienceFilter.MISSING,
    *,
    scope: Scope,
    actor: str,
    now: datetime,
) -> Broadcast:
    """Store a draft to this chapter's members, to be previewed and confirmed like any broadcast. What calls
    for people goes to `whom`, and the rest to all.

    Refused: what `approved_words` refuses, "not_yours", "is_over" when it is over or off, and "untimely" when
    the wording is not true now.
    """
    if not scope.sees(site):
        raise Refused("not_yours", _("You can text your own chapter."), status=404)
    text = approved_words(wording, where)
    _refuse_untimely(event, wording, now)
    to_missing = wording in ONLY_TO_MISSING and not event.action.drill
    broadcast = Broadcast(
        action_id=event.action_id,
        site_ids=[str(site.id)],
        audience=Audience.STAFF if event.action.drill else Audience.MEMBERS,
        wording=wording,
        text=text,
        audience_filter=whom if to_missing else AudienceFilter.ALL,
        only_missing=to_missing and whom.ends_with_check_in,
        state=BroadcastState.DRAFT,
        made_by=actor,
        made_at=now,
    )
    with atomic() as session:
        session.add(broadcast)
    return broadcast


def refuse_chapter_text(broadcast: Broadcast, now: datetime) -> None:
    """Refuse an approved wording that is no longer true, and a third such text to one chapter about an action
    within 24 hours. Part of confirming."""
    if broadcast.wording not in APPROVED:
        return
    at_site = select(Event).where(
        Event.action_id == broadcast.action_id, Event.site_id == UUID((broadcast.site_ids or [])[0])
    )
    _refuse_untimely(db.session.scalars(at_site).one(), broadcast.wording, now)
    sent = db.session.scalars(
        select(Broadcast.site_ids).where(
            Broadcast.action_id == broadcast.action_id,
            Broadcast.wording.in_(APPROVED),
            Broadcast.confirmed_at > now - timedelta(days=1),
        )
    )
    if sum(site_ids == broadcast.site_ids for site_ids in sent) >= TEXTS_A_DAY:
        message = _("Your chapter had two texts from you within a day. Ask your organizer for another.")
        raise Refused("too_many", message, status=409)


def _refuse_untimely(event: Event, wording: str, now: datetime) -> None:
    timely = timely_wordings(event, now)
    if not timely:
        raise Refused("is_over", _("This event is over or called off."), status=409)
    if wording not in timely:
        raise Refused("untimely", _("This text does not fit the hour. Choose another one."), status=409)
