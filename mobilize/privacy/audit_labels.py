"""Labels for the audit page of rows above accounts: campaigns, actions, events and what belongs to them."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import select

from mobilize.actions.models import Action, Campaign, Event
from mobilize.checkins.models import Evidence
from mobilize.database import db
from mobilize.languages import DEFAULT, _
from mobilize.privacy.models import Export, LegalHold
from mobilize.reminders.models import Broadcast, ReminderRule
from mobilize.roster.models import Site
from mobilize.turnout.models import Report, Statement

_Labels = Iterator[tuple[uuid.UUID, str]]


def audit_labels(ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The label of each row among these ids. Ids of other rows, and of deleted ones, are left out."""
    labels: dict[uuid.UUID, str] = {}
    readers: tuple[Callable[[set[uuid.UUID]], _Labels], ...] = (_names, _events, _check_ins, _of_an_action)
    for read in readers:
        labels |= dict(read(ids - labels.keys()))
    return labels


def _names(ids: set[uuid.UUID]) -> _Labels:
    for model in (Campaign, Action):
        named: Any = model
        for row in db.session.execute(
            select(named.id, named.name[DEFAULT].as_string()).where(named.id.in_(ids))
        ):
            yield row[0], row[1]


def _events(ids: set[uuid.UUID]) -> _Labels:
    """Events, by their site."""
    held = select(Event.id, Site.name).join(Site, Site.id == Event.site_id)
    for row in db.session.execute(held.where(Event.id.in_(ids))):
        yield row[0], row[1]


def _check_ins(ids: set[uuid.UUID]) -> _Labels:
    """Check-ins, by their site."""
    rows = (
        select(Evidence.id, Site.name)
        .join(Event, Event.id == Evidence.event_id)
        .join(Site, Site.id == Event.site_id)
    )
    for row in db.session.execute(rows.where(Evidence.id.in_(ids))):
        yield row[0], _("a check-in at %(place)s", place=row[1])


def _of_an_action(ids: set[uuid.UUID]) -> _Labels:
    """Rows that belong to one action, by the action's name."""
    words: tuple[tuple[Any, str], ...] = (
        (Export, _("a file of %(action)s")),
        (ReminderRule, _("a reminder of %(action)s")),
        (Broadcast, _("a text for %(action)s")),
        (LegalHold, _("a hold on %(action)s")),
        (Report, _("a report of %(action)s")),
        (Statement, _("a number for the press, of %(action)s")),
    )
    for model, label in words:
        rows = select(model.id, Action.name[DEFAULT].as_string()).outerjoin(
            Action, Action.id == model.action_id
        )
        for row in db.session.execute(rows.where(model.id.in_(ids))):
            yield row[0], label.replace("%(action)s", row[1] or _("every action"))
