"""What the ids in the audit are called, on an admin's page and only there. What is gone has no words."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import Table, select

from mobilize import settings
from mobilize.accounts.approval_models import Approval
from mobilize.accounts.models import LineGrant, Passkey, Person, RoleTerm
from mobilize.database import Model, db
from mobilize.languages import _, say_date
from mobilize.roster.models import Area, Member, Site

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Said = Iterator[tuple[uuid.UUID, str]]


def ids_in_words(texts: Iterable[str]) -> dict[str, str]:
    """Every id that stands in these texts -> what it is called. Ids of what is gone are not in the answer."""
    ids = {uuid.UUID(found) for said in texts for found in _UUID.findall(said)}
    if not ids:
        return {}
    called = dict[uuid.UUID, str]()
    for model, say in _OURS:
        called |= {row.id: say(row) for row in db.session.scalars(select(model).where(model.id.in_(ids)))}
    for found in (_role_holders, _happenings, _of_an_event, _of_an_action, _dated):
        called |= dict(found(ids - called.keys()))
    return {str(found): words for found, words in called.items()}


def _member(row: Member) -> str:
    return row.person.full or _("an erased member")


def _name(row: Any) -> str:
    return str(row.name)


def _grant(row: LineGrant) -> str:
    return _("line page %(label)s", label=row.label or row.kind)


def _approval(row: Approval) -> str:
    return row.summary or _("a request for a second person")


_OURS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (Person, _name),
    (Member, _member),
    (Site, _name),
    (Area, _name),
    (LineGrant, _grant),
    (Approval, _approval),
    (Passkey, _name),
)


def _role_holders(ids: set[uuid.UUID]) -> Said:
    terms = select(RoleTerm.id, Person).join(Person, Person.id == RoleTerm.person_id)
    for term, person in db.session.execute(terms.where(RoleTerm.id.in_(ids))):
        yield term, str(person.name)


# The rooms above are not known here as models: by their tables.


def _table(name: str) -> Table:
    return Model.metadata.tables[name]


def _happenings(ids: set[uuid.UUID]) -> Said:
    """Campaigns, actions, and events by their place."""
    for table in (_table("campaigns"), _table("actions")):
        rows = db.session.execute(select(table.c.id, table.c.name_en).where(table.c.id.in_(ids)))
        yield from ((row[0], row[1]) for row in rows)
    events = _table("events")
    held = select(events.c.id, Site.name).join(Site, Site.id == events.c.site_id)
    yield from ((row[0], row[1]) for row in db.session.execute(held.where(events.c.id.in_(ids))))


def _of_an_event(ids: set[uuid.UUID]) -> Said:
    """A check-in, by where it was."""
    evidence, events = _table("evidence"), _table("events")
    rows = (
        select(evidence.c.id, Site.name)
        .join(events, events.c.id == evidence.c.event_id)
        .join(Site, Site.id == events.c.site_id)
    )
    for row in db.session.execute(rows.where(evidence.c.id.in_(ids))):
        yield row[0], _("a check-in at %(place)s", place=row[1])


def _of_an_action(ids: set[uuid.UUID]) -> Said:
    """What is made for one action, by the action's name."""
    actions = _table("actions")
    named = {
        "exports": _("a file of %(action)s"),
        "reminder_rules": _("a reminder of %(action)s"),
        "broadcasts": _("a text for %(action)s"),
        "legal_holds": _("a hold on %(action)s"),
        "reports": _("a report of %(action)s"),
        "statements": _("a number for the press, of %(action)s"),
    }
    for name, words in named.items():
        table = _table(name)
        rows = select(table.c.id, actions.c.name_en).outerjoin(actions, actions.c.id == table.c.action_id)
        for row in db.session.execute(rows.where(table.c.id.in_(ids))):
            yield row[0], words.replace("%(action)s", row[1] or _("every action"))


def _dated(ids: set[uuid.UUID]) -> Said:
    """What has no name of its own, by its day."""
    named = {
        "imports": ("started_at", _("the file imported on %(day)s")),
        "chair_changes": ("made_at", _("the list of chairs of %(day)s")),
        "inbound": ("received_at", _("a text that came in on %(day)s")),
        "outbox": ("due_at", _("a text of %(day)s")),
        "authenticator_apps": ("made_at", _("an app set up on %(day)s")),
    }
    zone = settings().union_timezone
    for name, (column, words) in named.items():
        table = _table(name)
        rows = select(table.c.id, table.c[column]).where(table.c.id.in_(ids))
        for row in db.session.execute(rows):
            yield row[0], words.replace("%(day)s", say_date(row[1], zone))
