"""The sentence about who gets a broadcast: how many, of which chapters, and what sets them apart."""

from typing import Any

from flask_babel import format_decimal, get_locale

from mobilize import settings
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.languages import DEFAULT, _, name_of, ngettext, say_date
from mobilize.reminders.broadcasts.audience import chapters_of_broadcast
from mobilize.reminders.broadcasts.places import chapters_by_area, names_of
from mobilize.reminders.models import Audience, AudienceFilter, Broadcast


def who_gets_it(broadcast: Broadcast, *, people: int, phones: int) -> str:
    """Such as: 62 members of North who said they come to Picket on Tuesday, March 3 and are not in yet. With
    the phones where these are fewer. Reads only."""
    to_members = broadcast.audience is Audience.MEMBERS
    count = people if to_members else phones
    values = {
        "count": format_decimal(count),
        "places": _places(broadcast),
    }
    who = _members(broadcast, count, values) if to_members else _people(broadcast.audience, count, values)
    if broadcast.language:
        who = _("%(who)s (texts in %(language)s only)", who=who, language=name_of(broadcast.language))
    if to_members and phones != people:
        several = ngettext("%(count)s phone", "%(count)s phones", phones, count=format_decimal(phones))
        who = _("%(who)s, on %(phones)s", who=who, phones=several)
    return who


def label_of(chosen: Audience | AudienceFilter, last_action: Action | None = None) -> str:
    """The name of a choice: on the form, and of what was sent."""
    labels = {
        Audience.MEMBERS: _("All members, even those who have checked in"),
        AudienceFilter.MISSING: _("Members who are still missing: not checked in yet, and have not said no"),
        AudienceFilter.SAID_COMING: _("Members who said they are coming, and have not checked in yet"),
        AudienceFilter.NOT_SEEN: _("Eligible members not seen at any line yet, also those who said no"),
        AudienceFilter.CAME_LAST: _("Members who came to the last action"),
        Audience.CHAIRS: _("Chairs, co-chairs and vice chairs"),
        Audience.STAFF: _("Staff, because this is a drill"),
    }
    if last_action is None or chosen is not AudienceFilter.CAME_LAST:
        return labels[chosen]
    return _("Members who came to %(action)s, %(day)s", **_named(last_action))


def facts_about(broadcast: Broadcast) -> tuple[str, str]:
    """(to whom, of which chapters) a broadcast goes or went, without any number."""
    narrowed = broadcast.audience_filter is not AudienceFilter.ALL
    last = db.session.get(Action, broadcast.last_action_id) if broadcast.last_action_id else None
    to = label_of(broadcast.audience_filter if narrowed else broadcast.audience, last)
    if broadcast.language:
        to = _("%(who)s (texts in %(language)s only)", who=to, language=name_of(broadcast.language))
    return to, _places(broadcast)


def _places(broadcast: Broadcast) -> str:
    return names_of(chapters_by_area(broadcast.action), chapters_of_broadcast(broadcast))


def _members(broadcast: Broadcast, count: int, values: dict[str, str]) -> str:
    match broadcast.audience_filter:
        case AudienceFilter.MISSING:
            return ngettext(
                "%(count)s member of %(places)s who has not checked in yet and has not said no",
                "%(count)s members of %(places)s who have not checked in yet and have not said no",
                count,
                **values,
            )
        case AudienceFilter.SAID_COMING:
            return ngettext(
                "%(count)s member of %(places)s who said they are coming to %(action)s, %(day)s, and has "
                "not checked in yet",
                "%(count)s members of %(places)s who said they are coming to %(action)s, %(day)s, and have "
                "not checked in yet",
                count,
                **values,
                **_named(broadcast.action),
            )
        case AudienceFilter.NOT_SEEN:
            return ngettext(
                "%(count)s eligible member of %(places)s not seen at any line of %(action)s yet",
                "%(count)s eligible members of %(places)s not seen at any line of %(action)s yet",
                count,
                **values,
                **_named(broadcast.action),
            )
        case AudienceFilter.CAME_LAST:
            last = db.session.get_one(Action, broadcast.last_action_id)
            return ngettext(
                "%(count)s member of %(places)s who came to %(action)s, %(day)s",
                "%(count)s members of %(places)s who came to %(action)s, %(day)s",
                count,
                **values,
                **_named(last),
            )
    return ngettext(
        "%(count)s member of %(places)s, checked in or not",
        "%(count)s members of %(places)s, checked in or not",
        count,
        **values,
    )


def _people(audience: Audience, count: int, values: dict[str, str]) -> str:
    if audience is Audience.STAFF:
        return ngettext(
            "%(count)s phone of staff, because this is a drill",
            "%(count)s phones of staff, because this is a drill",
            count,
            **values,
        )
    return ngettext(
        "%(count)s phone of chairs, co-chairs and vice chairs of %(places)s",
        "%(count)s phones of chairs, co-chairs and vice chairs of %(places)s",
        count,
        **values,
    )


def _named(action: Action) -> dict[str, Any]:
    # In the language that is set, which for whoever agrees to it is not the writer's.
    code = getattr(get_locale(), "language", DEFAULT)
    return {"action": action.name.in_(code), "day": say_date(action.starts_at, settings().union_timezone)}
