"""Merge fields of texts about an event: action, day, time, place and link, in one language."""

from datetime import datetime

from mobilize import clock, settings
from mobilize.actions.models import Event
from mobilize.checkins.member.personal_links import LETTERS
from mobilize.languages import DEFAULT, day_in_sentence, hour_of
from mobilize.segments import segments
from mobilize.texts.templates import LONGEST, render, written_languages


def written_in(language: str) -> str:
    """The language in which whoever reads `language` is texted: that, where every wording is written in it,
    else English."""
    return language if language in written_languages() else DEFAULT


def merge_fields_for(event: Event, language: str) -> dict[str, str]:
    """The merge fields every wording about `event` may use, in a language of the service."""
    starts = clock.local(event.starts_at, event.tz)
    return {
        "action": event.action.name.in_(language),
        "day": day_in_sentence(starts, language),
        "time": text_time(starts, language),
        "place": place_of(event),
        "link": event.check_in_address,
    }


def merge_fields_for_member(wording: str, event: Event, language: str) -> dict[str, str]:
    """The merge fields of a text to members. `link` is as long as each member's own; where that would make
    the text longer than two segments, it is the poster's."""
    general = merge_fields_for(event, language)
    personal = {**general, "link": own_links_begin(event) + "A" * LETTERS}
    allowed = max(LONGEST, segments(render(wording, language, general)))
    return personal if segments(render(wording, language, personal)) <= allowed else general


def event_page(event: Event) -> str:
    """The address at which its chairs find poster, list and line page."""
    return f"{settings().public_base_url}/events/{event.id}"


def own_links_begin(event: Event) -> str:
    """The part of a personal link before its ten letters (`checkins/member/personal_links.py`)."""
    return f"{settings().public_base_url}/p/{event.code}/"


def place_of(event: Event) -> str:
    """The place, with the spot where its people meet."""
    return f"{event.place}, {event.meet_at}" if event.meet_at else event.place


def text_time(starts: datetime, language: str) -> str:
    """`7:00 am`, within GSM-7: the no-break spaces of printed times would double a text's price."""
    hour, half = hour_of(starts, language)
    return f"{hour} {half.replace(' ', '')}".rstrip()
