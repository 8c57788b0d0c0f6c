"""Calendar files read back: by the rules of RFC 5545 itself, by a strict parser and by icalendar."""

import re

import vobject
from icalendar import Calendar, Event

# RFC 5545, 3.1: a name, parameters, a value, and at most 75 octets to a line.
_VALUE = r'("[^"]*"|[^";:,]*)'
_LINE = re.compile(rf"[A-Za-z0-9-]+(;[A-Za-z0-9-]+={_VALUE}(,{_VALUE})*)*:[^\x00-\x08\x0a-\x1f]*")
_NEEDED = ("uid", "dtstamp", "dtstart", "sequence", "last_modified", "status", "summary")


def read_strictly(body: bytes) -> list[Event]:
    """The entries of a calendar, which three readers understand alike."""
    assert body.endswith(b"\r\n") and b"\n" not in body.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    for line in body.decode().replace("\r\n ", "").strip().split("\r\n"):
        assert _LINE.fullmatch(line), line
    strict = vobject.readOne(body.decode(), validate=True)
    calendar = Calendar.from_ical(body)
    assert calendar.errors == []
    entries = calendar.events
    for entry in entries:
        assert entry.errors == []
    in_order = strict.contents.get("vevent", [])
    assert len(in_order) == len(entries)
    for other in in_order:
        assert all(hasattr(other, name) for name in _NEEDED)
    assert [other.uid.value for other in in_order] == [str(entry["uid"]) for entry in entries]
    assert [other.dtstart.value for other in in_order] == [entry.start for entry in entries]
    return list(entries)
