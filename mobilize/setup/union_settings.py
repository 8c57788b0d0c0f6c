"""The union's name, time zone, color and help number, as the office changes them in the browser."""

from collections.abc import Mapping
from datetime import datetime

import config
from config import BadSetting
from mobilize import audit, clock, settings, stored_settings
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize

LONGEST_NAME = 60


def change_union(typed: Mapping[str, str], *, by: str, now: datetime) -> bool:
    """Store the settings of `config.IN_THE_BROWSER` as they were typed; False when none is another than
    before. Without a help number pages and posters name none.

    Refused, with the setting's name in lower case as the code: a name that is empty or too long, a zone there
    is none of, a colour on which white words cannot be read, a number that is none; and "zone_day", where it
    is yesterday still in the new time zone, so that roles which begin today would not have begun.
    """
    values = {name: " ".join(typed.get(name, "").split()) for name in config.IN_THE_BROWSER}
    values["UNION_COLOUR"] = values["UNION_COLOUR"].lower()
    values["HELP_NUMBER"] = _help_number(values["HELP_NUMBER"])
    if not values["UNION_NAME"].isprintable() or not 0 < len(values["UNION_NAME"]) <= LONGEST_NAME:
        raise Refused("union_name", _("Type the union's name, with 60 letters at most."))
    for name in ("UNION_TIMEZONE", "UNION_COLOUR"):
        _refuse_bad(name, values[name])
    _refuse_yesterday(values["UNION_TIMEZONE"], now)
    changed = {name: value for name, value in values.items() if value != getattr(settings(), name.lower())}
    if changed:
        with atomic():
            stored_settings.store(changed, by=by, now=now)
            for name in changed:
                audit.note(by, "setting.change", name, now=now)
    return bool(changed)


def _help_number(typed: str) -> str:
    phone = normalize(typed).phone
    if typed and phone is None:
        raise Refused(
            "help_number", _("Type a phone number with its area code, 10 digits, or leave it empty.")
        )
    return phone or ""


def _refuse_bad(name: str, value: str) -> None:
    words = {
        "UNION_TIMEZONE": _("Choose the time zone of your clocks."),
        "UNION_COLOUR": _("Choose a darker color: white words on this one cannot be read in the sun."),
    }
    try:
        if not value:
            raise BadSetting(name)
        config.with_stored(settings(), {name: value})
    except BadSetting:
        raise Refused(name.lower(), words[name]) from None


def _refuse_yesterday(zone: str, now: datetime) -> None:
    if clock.local(now, zone).date() < clock.local(now, settings().union_timezone).date():
        raise Refused(
            "zone_day",
            _("In that zone it is still yesterday, and today's roles have not begun. Try in the morning."),
        )
