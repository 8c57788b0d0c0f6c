"""Pages for admins: the audit, searchable by verb, person and day; the protections; the doctor's
findings."""

import uuid
from datetime import date, datetime, time, timedelta

from flask import redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from mobilize import audit as book
from mobilize import clock, settings
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.forms import PersonSearchForm
from mobilize.accounts.models import RoleName
from mobilize.accounts.routes import bp
from mobilize.accounts.security.audit_labels import find_people, ids_in_words, in_words, names_of
from mobilize.accounts.security.protections import ProtectionState
from mobilize.accounts.security.protections import protections as look
from mobilize.database import db
from mobilize.languages import say_ago
from mobilize.observability import findings
from mobilize.observability.finding_words import FindingState

A_PAGE = 50


@bp.get("/audit")
@signed_in(RoleName.ADMIN)
def audit() -> str:
    """The newest rows of the audit. Looking is audited as well, since names stand here."""
    args = request.args
    verb, person, day = (
        args.get("verb", "")[:64],
        args.get("person", type=uuid.UUID),
        _day(args.get("day", "")),
    )
    book.note(me().actor, "audit.see", person or "all", now=clock.now())
    return _page(verb, person, day, max(1, args.get("page", 1, type=int)), [], "")


@bp.post("/audit")
@signed_in(RoleName.ADMIN)
def find_in_audit() -> str | Response:
    """Search for a person. A POST, so that no name stands in an address: it leads on by the person's id."""
    typed = PersonSearchForm().q.data[:120]
    people = find_people(typed)
    if len(people) == 1:
        return redirect(url_for("accounts.audit", person=people[0][0]), 303)
    return _page("", None, None, 1, people, typed)


def _page(
    verb: str,
    person: uuid.UUID | None,
    day: date | None,
    page: int,
    people: list[tuple[uuid.UUID, str]],
    typed: str,
) -> str:
    since, until = _span(day)
    actors = [f"person:{person}"] if person else None
    query = book.rows(
        verb=verb, actors=actors, refs=[str(person)] if person else (), since=since, until=until
    )
    how_many = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    pages = max(1, -(-how_many // A_PAGE))
    page = min(page, pages)
    rows = db.session.scalars(query.limit(A_PAGE).offset((page - 1) * A_PAGE)).all()
    return render_template(
        "accounts/audit.html",
        rows=rows,
        how_many=how_many,
        names=names_of([row.actor for row in rows]),
        labels=ids_in_words([*(row.ref for row in rows), str(person or "")]),
        in_words=in_words,
        verbs=sorted({verb.split(".")[0] for verb in book.verbs()}),
        filters={"verb": verb, "person": person, "day": day.isoformat() if day else ""},
        people=people,
        typed=typed,
        page=page,
        pages=pages,
    )


def _span(day: date | None) -> tuple[datetime | None, datetime | None]:
    """The span of a day of the union, from midnight to midnight, also on the nights the clocks change."""
    if day is None:
        return None, None
    zone = settings().union_timezone
    tomorrow = day + timedelta(days=1)
    return clock.from_local(day, time(), zone, fold=0), clock.from_local(tomorrow, time(), zone, fold=0)


def _day(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


@bp.get("/protections")
@signed_in(RoleName.ADMIN)
def protections() -> str:
    """Each protection's state in plain words, with what to do."""
    all_protections = look(clock.now())
    to_do = [one for one in all_protections if one.state is not ProtectionState.OK]
    return render_template(
        "accounts/protections.html", to_do=to_do, all_protections=all_protections, n=len(to_do)
    )


@bp.get("/protections/doctor")
@signed_in(RoleName.ADMIN)
def doctor() -> str:
    """The findings of the last look at everything, what needs somebody first."""
    now, last = clock.now(), findings.latest()
    results = last.findings if last else []
    return render_template(
        "accounts/doctor.html",
        broken=[one for one in results if one.state is FindingState.BROKEN],
        warnings=[one for one in results if one.state is FindingState.WARNING],
        fine=[one for one in results if one.state is FindingState.OK],
        looked=say_ago(last.examined_at, now) if last else None,
        is_old=last is not None and now - last.examined_at > findings.HOLDS,
        waits=findings.is_requested(now),
    )


@bp.post("/protections/doctor")
@signed_in(RoleName.ADMIN)
def examine() -> Response:
    """Let the workers look at everything now. Twice is once."""
    findings.request_examination(now=clock.now())
    return redirect(url_for("accounts.doctor"), 303)
