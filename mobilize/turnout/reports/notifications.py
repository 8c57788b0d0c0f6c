"""Notifications that a report is ready: a text with a link to a page behind sign-in, and nobody's name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.reminders.head_counts.requests import chairs_of
from mobilize.reminders.merge_fields import written_in
from mobilize.roster.models import Area, Site
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.turnout.models import ReportKind

# News of yesterday is still welcome, older is not.
WELCOME_FOR = timedelta(hours=24)

NewReport = tuple[UUID, ReportKind, UUID]


def tell_of(action: Action, new_reports: Sequence[NewReport], now: datetime) -> int:
    """Queue the links of these reports (id, kind, place), in the caller's transaction; how many texts.

    A chapter's goes to its chairs, an area's to its organizers, the union's to the office. Nobody is texted
    about a rehearsal, nor about what closed longer than a day ago; of a chair's own action only that chair
    hears.
    """
    if action.drill or action.ends_at + timedelta(minutes=action.close_after_minutes) < now - WELCOME_FOR:
        return 0
    texts = list(_to_chairs(action, new_reports, now))
    if action.owner_site_id is None:
        texts += [*_to_organizers(action, new_reports, now), *_to_the_office(action, new_reports, now)]
    return queue_texts(texts, now=now)


def _to_chairs(action: Action, new_reports: Sequence[NewReport], now: datetime) -> Iterator[PlannedText]:
    reports = {place: report for report, kind, place in new_reports if kind is ReportKind.CHAPTER}
    chairs = chairs_of(list(reports), now)
    sites = {site.id: site for site in db.session.scalars(select(Site).where(Site.id.in_(reports)))}
    for site_id, report in reports.items():
        for _role, person in chairs.get(site_id, ()):
            site = sites[site_id]
            yield _text(action, person, f"report:{report}:1", site.name, f"/reports/{report}", site.tz, now)


def _to_organizers(action: Action, new_reports: Sequence[NewReport], now: datetime) -> Iterator[PlannedText]:
    """One text each: of their area, or where several of theirs are ready at once, of all they look after."""
    reports = {place: report for report, kind, place in new_reports if kind is ReportKind.AREA}
    names = {area.id: area.name for area in db.session.scalars(select(Area).where(Area.id.in_(reports)))}
    areas_by_person: defaultdict[UUID, list[UUID]] = defaultdict(list)
    people = {}
    for person, area_id in _holding(RoleName.ORGANIZER, now):
        if area_id in reports:
            areas_by_person[person.id].append(area_id)
            people[person.id] = person
    for person_id, areas in areas_by_person.items():
        first = reports[areas[0]]
        link = f"/reports/{first}" if len(areas) == 1 else f"/actions/{action.id}/report"
        about = ", ".join(sorted(names[area] for area in areas)[:2]) + (", ..." if len(areas) > 2 else "")
        yield _text(action, people[person_id], f"report:{first}:1", about, link, _zone(), now)


def _to_the_office(action: Action, new_reports: Sequence[NewReport], now: datetime) -> Iterator[PlannedText]:
    for report, kind, _place in new_reports:
        if kind is ReportKind.UNION:
            for person, _area in _holding(RoleName.ADMIN, now):
                link, about = f"/reports/{report}", settings().union_name
                yield _text(action, person, f"report:{report}:1", about, link, _zone(), now)


def _text(
    action: Action, person: Person, purpose: str, about: str, link: str, tz: str, now: datetime
) -> PlannedText:
    language = written_in(person.language)
    merge_fields = {"place": about, "action": action.name.in_(language)}
    return PlannedText(
        purpose=purpose,
        phone=person.phone,
        wording="report_ready",
        language=language,
        text_class=TextClass.DUTY,
        tz=tz,
        due_at=now,
        expires_at=now + WELCOME_FOR,
        priority=Priority.THANKS,
        merge_fields=merge_fields | {"link": settings().public_base_url + link},
    )


def _holding(role: RoleName, now: datetime) -> Iterable[tuple[Person, UUID | None]]:
    """The people who hold this role today and have a phone, each with the term's area."""
    people: Iterable[Any] = db.session.execute(
        select(Person, RoleTerm.area_id)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .where(RoleTerm.role == role, running_on(today(now)), Person.phone_enc.is_not(None))
        .order_by(Person.id)
    )
    return people


def _zone() -> str:
    return settings().union_timezone
