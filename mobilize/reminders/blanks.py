"""What stands in the blanks of a text about an event: action, day, time, place and link, in one language."""

from datetime import datetime

from mobilize import clock, settings
from mobilize.actions.models import Event
from mobilize.actions.queries import check_in_address
from mobilize.actions.when import day_line
from mobilize.checkins.personal import LETTERS
from mobilize.texts.segments import segments
from mobilize.texts.wordings import LONGEST, render

_HALF = {"en": ("am", "pm"), "es": ("a.m.", "p.m.")}


def written_in(language: str) -> str:
    """The language a text goes out in: Spanish for those who read it, English for everybody else."""
    return "es" if language == "es" else "en"


def blanks_for(event: Event, language: str) -> dict[str, str]:
    """The blanks every wording about `event` may use. `language` is en or es."""
    starts = clock.local(event.starts_at, event.tz)
    day = day_line(starts, language)
    return {
        "action": event.action.name_in(language),
        "day": day[:1].lower() + day[1:] if language == "es" else day,
        "time": text_time(starts, language),
        "place": place_of(event),
        "link": check_in_address(event),
    }


def blanks_for_member(wording: str, event: Event, language: str) -> dict[str, str]:
    """The same for a text to members, its `link` as long as each member's own; the poster's where her own
    would make the text longer than two segments."""
    everybodys = blanks_for(event, language)
    hers = {**everybodys, "link": own_links_begin(event) + "A" * LETTERS}
    allowed = max(LONGEST, segments(render(wording, language, everybodys)))
    return hers if segments(render(wording, language, hers)) <= allowed else everybodys


def event_page(event: Event) -> str:
    """Where its chairs find poster, list and line page."""
    return f"{settings().public_base_url}/events/{event.id}"


def own_links_begin(event: Event) -> str:
    """What comes before the ten letters of `checkins.personal.personal_code`."""
    return f"{settings().public_base_url}/p/{event.code}/"


def place_of(event: Event) -> str:
    """Where it is, with the spot where its people meet."""
    return f"{event.place}, {event.meet_at}" if event.meet_at else event.place


def text_time(starts: datetime, language: str) -> str:
    """`7:00 am`, within GSM-7: the no-break spaces of printed times would double a text's price."""
    return f"{starts.hour % 12 or 12}:{starts.minute:02d} {_HALF[language][starts.hour >= 12]}"
