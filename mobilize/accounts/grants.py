"""The right to one event's line page, without an account: given, handed over, taken back."""

import base64
import secrets
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update

from mobilize import audit
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.database import atomic, db
from mobilize.tokens import hash_token


def grant_line(
    event_id: uuid.UUID,
    kind: GrantKind,
    label: str,
    person: Person | None,
    made_by: str,
    ends_at: datetime,
    *,
    role_id: uuid.UUID | None = None,
    area_id: uuid.UUID | None = None,
    now: datetime,
) -> tuple[LineGrant, str]:
    """A new grant for one event, and its token, told only here: we keep its hash.

    `label` says whose phone it is, in the chair's words; `person` ties a chair's grant to them, and it ends
    with their role; `role_id` is the role in whose name it is given (see `role_at`), on which it hangs;
    `area_id` narrows a wall's; `made_by` is an actor as in the audit. Every call makes another grant.
    """
    # Capitals and digits only, so that the link's QR code has few and large modules; 200 random bits.
    token = base64.b32encode(secrets.token_bytes(25)).decode()
    grant = LineGrant(
        event_id=event_id,
        token_hash=hash_token(token),
        kind=kind,
        label=" ".join(label.split())[:80] or None,
        person_id=person.id if person else None,
        role_id=role_id,
        area_id=area_id,
        made_by=made_by,
        made_at=now,
        ends_at=ends_at,
    )
    with atomic() as session:
        session.add(grant)
        session.flush()
        audit.note(made_by, f"grant.give.{kind}", grant.id, now=now)
    return grant, token


def revoke_grant(grant: LineGrant, by: str, *, now: datetime) -> None:
    """Take a grant back: the phone's next request is refused. Twice takes it back once."""
    with atomic() as session:
        taken = session.execute(
            update(LineGrant)
            .where(LineGrant.id == grant.id, LineGrant.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        if taken.rowcount:  # type: ignore[attr-defined]
            audit.note(by, "grant.revoke", grant.id, now=now)


def hand_over(grant: LineGrant, label: str, made_by: str, *, now: datetime) -> tuple[LineGrant, str]:
    """Another phone instead of this one: the old grant is taken back, the new one ends when it would have, on
    the same role."""
    with atomic():
        revoke_grant(grant, made_by, now=now)
        return grant_line(
            grant.event_id,
            grant.kind,
            label or grant.label or "",
            None,
            made_by,
            grant.ends_at,
            role_id=grant.role_id,
            now=now,
        )


def pass_on(grant: LineGrant, label: str, made_by: str, *, now: datetime) -> tuple[LineGrant, str]:
    """The line goes to another captain's phone: a new grant until this one would have ended. This one ends
    now and is not taken back, so that what its phone has still to send counts."""
    ends_at = grant.ends_at
    with atomic() as session:
        session.execute(update(LineGrant).where(LineGrant.id == grant.id).values(ends_at=min(ends_at, now)))
        kind, role_id = GrantKind.CAPTAIN, grant.role_id
        return grant_line(grant.event_id, kind, label, None, made_by, ends_at, role_id=role_id, now=now)


def role_at(
    person: Person, sites: Collection[uuid.UUID], area_id: uuid.UUID | None, *, now: datetime
) -> uuid.UUID | None:
    """The role in whose name this person opens a line at these sites, or in this area: the nearest one."""
    held = select(RoleTerm).where(RoleTerm.person_id == person.id, running_on(today(now)))
    terms = db.session.scalars(held.order_by(RoleTerm.id)).all()
    nearest = (
        [t.id for t in terms if t.site_id in sites],
        [t.id for t in terms if t.role is RoleName.ORGANIZER and t.area_id == area_id],
        [t.id for t in terms if t.role is RoleName.ADMIN],
        [t.id for t in terms],
    )
    return next((ids[0] for ids in nearest if ids), None)


def end_what_hangs_on(term: RoleTerm, by: str, *, now: datetime, own_only: bool = False) -> None:
    """Take back every grant given in the name of this role: its holder's own pages, captains' links, phones
    they handed over to. `own_only` leaves the captains, for the successor."""
    hangs = select(LineGrant).where(LineGrant.role_id == term.id, LineGrant.revoked_at.is_(None))
    if own_only:
        hangs = hangs.where(LineGrant.person_id == term.person_id)
    with atomic():
        for grant in db.session.scalars(hangs.where(LineGrant.ends_at > now).order_by(LineGrant.id)).all():
            revoke_grant(grant, by, now=now)


def pass_to_successors(site_id: uuid.UUID | None, *, now: datetime) -> None:
    """What was given in the name of a chair's role at this site that is over hangs on the successor's: the
    running one there that began first. Without one it keeps running, and hangs where it did."""
    if site_id is None:
        return
    here = select(RoleTerm.id).where(RoleTerm.site_id == site_id)
    running = here.where(running_on(today(now))).order_by(RoleTerm.from_on, RoleTerm.id)
    successor = db.session.scalar(running.limit(1))
    if successor is None:
        return
    over = here.where(RoleTerm.to_on <= today(now))
    captains = LineGrant.role_id.in_(over), LineGrant.person_id.is_(None), LineGrant.revoked_at.is_(None)
    with atomic() as session:
        session.execute(
            update(LineGrant)
            .where(*captains, LineGrant.ends_at > now)
            .values(role_id=successor)
            .execution_options(synchronize_session="fetch")
        )


def move_grants(event_id: uuid.UUID, kind: GrantKind, ends_at: datetime) -> None:
    """The event was moved: its running grants of this kind now end at `ends_at`."""
    with atomic() as session:
        session.execute(
            update(LineGrant)
            .where(LineGrant.event_id == event_id, LineGrant.kind == kind, LineGrant.revoked_at.is_(None))
            .values(ends_at=ends_at)
        )


def open_grants(event_id: uuid.UUID, *, now: datetime) -> Sequence[LineGrant]:
    """Grants of an event's line that run, oldest first."""
    return db.session.scalars(
        select(LineGrant)
        .where(LineGrant.event_id == event_id, LineGrant.revoked_at.is_(None), LineGrant.ends_at > now)
        .where(LineGrant.kind != GrantKind.WALL)
        .order_by(LineGrant.id)
    ).all()


def grant_by_token(token: str, *, now: datetime) -> LineGrant | None:
    """The running grant of a link, in any case of letters; None when it ended or was taken back."""
    grant = db.session.scalar(select(LineGrant).where(LineGrant.token_hash == hash_token(token.upper())))
    return grant if grant and grant.revoked_at is None and now < grant.ends_at else None
