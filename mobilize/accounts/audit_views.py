"""The audit, for admins: who did and saw what, searchable by deed, person and day."""

import uuid
from datetime import date, datetime, time, timedelta

from flask import redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from mobilize import audit as book
from mobilize import clock, settings
from mobilize.accounts.audit_refs import ids_in_words
from mobilize.accounts.audit_words import find_people, in_words, names_of
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.views import bp
from mobilize.database import db

A_PAGE = 50


@bp.get("/audit")
@signed_in(RoleName.ADMIN)
def audit() -> str:
    """The newest deeds; looking is a deed as well, since names stand here."""
    asked = request.args
    verb, person, day = asked.get("verb", "")[:64], _uuid(asked.get("person", "")), _day(asked.get("day", ""))
    book.note(me().actor, "audit.see", person or "all", now=clock.now())
    return _page(verb, person, day, max(1, asked.get("page", 1, type=int)), [], "")


@bp.post("/audit")
@signed_in(RoleName.ADMIN)
def find_in_audit() -> str | Response:
    """A POST, so that no name ever stands in an address: it leads on by the person's id."""
    typed = request.form.get("q", "")[:120]
    found = find_people(typed)
    if len(found) == 1:
        return redirect(url_for("accounts.audit", person=found[0][0]), 303)
    return _page("", None, None, 1, found, typed)


def _page(
    verb: str,
    person: uuid.UUID | None,
    day: date | None,
    page: int,
    found: list[tuple[uuid.UUID, str]],
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
        called=ids_in_words([*(row.ref for row in rows), str(person or "")]),
        in_words=in_words,
        verbs=sorted({verb.split(".")[0] for verb in book.verbs()}),
        asked={"verb": verb, "person": person, "day": day.isoformat() if day else ""},
        found=found,
        typed=typed,
        page=page,
        pages=pages,
    )


def _span(day: date | None) -> tuple[datetime | None, datetime | None]:
    """A day of the union, from midnight to midnight, also on the nights the clocks change."""
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


def _uuid(typed: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(typed)
    except ValueError:
        return None
