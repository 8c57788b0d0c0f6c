"""Ready words about an event or an action, for a chat, a text or an email: what, when and where."""

from mobilize import settings
from mobilize.actions.line_finder.queries import url_of_line_finder
from mobilize.actions.models import Action, Event
from mobilize.languages import Translated, _, in_every_language, say_when


def words_about(action: Action, event: Event | None) -> Translated:
    """What somebody may send to everybody they know, in each language: the action, and its one `event`, or
    else how to find a line. No check-in code stands in it: that one is for those who are there."""
    return in_every_language(lambda code: "\n".join(_lines(action, event, code)))


def _lines(action: Action, event: Event | None, code: str) -> list[str]:
    chosen, at = settings(), event or action
    zone = event.tz if event else chosen.union_timezone
    lines = [
        _("Stand with us: %(action)s", action=action.name.in_(code)),
        say_when(at.starts_at, at.ends_at, zone, on_page=False),
        *(_place(event) if event else []),
        _where(action, event),
        " ".join(part for part in (chosen.union_name, chosen.share_tags) if part),
    ]
    return [line for line in lines if line]


def _place(event: Event) -> list[str]:
    street = (event.site.street, event.site.city) if event.site else ()
    meet_at = _("Meet here: %(place)s", place=event.meet_at) if event.meet_at else ""
    return [", ".join(part for part in (event.place, *street) if part), meet_at]


def _where(action: Action, event: Event | None) -> str:
    """Where it can be looked up: by everybody only where the office shows the action's lines."""
    if not action.line_finder_at:
        return "" if event else _("Ask your chair where your line is.")
    site = f"?site={event.site.code}" if event and event.site else ""
    return _("Find your line: %(address)s", address=url_of_line_finder() + site)
