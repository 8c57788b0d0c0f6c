"""Who is texted that a report is there: a link to a page she signs in for, and nobody's name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.reminders.blanks import written_in
from mobilize.reminders.counts import chairs_of
from mobilize.roster.models import Area, Site
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.turnout.report_models import ReportKind

# News of yesterday is still welcome, older is not.
WELCOME_FOR = timedelta(hours=24)

Made = tuple[UUID, ReportKind, UUID]


def tell_of(action: Action, made: Sequence[Made], now: datetime) -> int:
    """Queue the links of these reports (id, kind, place), in the caller's transaction; how many texts.

    A chapter's goes to its chairs, an area's to its organizers, the union's to the office. Nobody is texted
    about a rehearsal, nor about what closed longer than a day ago; of a chair's own action only she hears.
    """
    if action.drill or action.ends_at + timedelta(minutes=action.close_after_minutes) < now - WELCOME_FOR:
        return 0
    texts = list(_to_chairs(action, made, now))
    if action.owner_site_id is None:
        texts += [*_to_organizers(action, made, now), *_to_the_office(action, made, now)]
    return queue_texts(texts, now=now)


def _to_chairs(action: Action, made: Sequence[Made], now: datetime) -> Iterator[PlannedText]:
    reports = {place: report for report, kind, place in made if kind is ReportKind.CHAPTER}
    chairs = chairs_of(list(reports), now)
    sites = {site.id: site for site in db.session.scalars(select(Site).where(Site.id.in_(reports)))}
    for site_id, report in reports.items():
        for _role, person in chairs.get(site_id, ()):
            site = sites[site_id]
            yield _text(action, person, f"report:{report}:1", site.name, f"/reports/{report}", site.tz, now)


def _to_organizers(action: Action, made: Sequence[Made], now: datetime) -> Iterator[PlannedText]:
    """One text each: of her area, or where several of hers are ready at once, of all she looks after."""
    reports = {place: report for report, kind, place in made if kind is ReportKind.AREA}
    names = {area.id: area.name for area in db.session.scalars(select(Area).where(Area.id.in_(reports)))}
    hers: defaultdict[UUID, list[UUID]] = defaultdict(list)
    people = {}
    for person, area_id in _holding(RoleName.ORGANIZER, now):
        if area_id in reports:
            hers[person.id].append(area_id)
            people[person.id] = person
    for person_id, areas in hers.items():
        first = reports[areas[0]]
        link = f"/reports/{first}" if len(areas) == 1 else f"/actions/{action.id}/report"
        about = ", ".join(sorted(names[area] for area in areas)[:2]) + (", ..." if len(areas) > 2 else "")
        yield _text(action, people[person_id], f"report:{first}:1", about, link, _zone(), now)


def _to_the_office(action: Action, made: Sequence[Made], now: datetime) -> Iterator[PlannedText]:
    for report, kind, _place in made:
        if kind is ReportKind.UNION:
            for person, _area in _holding(RoleName.ADMIN, now):
                link, about = f"/reports/{report}", settings().union_name
                yield _text(action, person, f"report:{report}:1", about, link, _zone(), now)


def _text(
    action: Action, person: Person, purpose: str, about: str, link: str, tz: str, now: datetime
) -> PlannedText:
    language = written_in(person.language)
    blanks = {"place": about, "action": action.name_in(language)}
    return PlannedText(
        purpose=purpose,
        phone=person.phone,
        wording="report_ready",
        language=language,
        klass=TextClass.DUTY,
        tz=tz,
        due_at=now,
        useless_after=now + WELCOME_FOR,
        priority=Priority.THANKS,
        blanks=blanks | {"link": settings().public_base_url + link},
    )


def _holding(role: RoleName, now: datetime) -> Iterable[tuple[Person, UUID | None]]:
    """Who holds this role today and has a phone, each with the term's area."""
    found: Iterable[Any] = db.session.execute(
        select(Person, RoleTerm.area_id)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .where(RoleTerm.role == role, running_on(today(now)), Person.phone_enc.is_not(None))
        .order_by(Person.id)
    )
    return found


def _zone() -> str:
    return settings().union_timezone
