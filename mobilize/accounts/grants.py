"""The right to one event's line page, without an account: given, handed over, taken back."""

import base64
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update

from mobilize import audit, clock, crypto
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.scope import running_on, today
from mobilize.database import atomic, db
from mobilize.tokens import hash_token

# What a phone could not send from the line is still taken this long after its grant has ended.
UPLOADS_ARE_TAKEN = timedelta(days=14)
# Kinds that open the line's page on a phone.
PHONES = (GrantKind.CHAIR, GrantKind.CAPTAIN)
_EVER = datetime.min.replace(tzinfo=UTC)


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
    """A new grant for one event, and its token, told only here: we keep its hash. Of the kind LINK it is what
    a captain is given: see `open_link`.

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


def open_link(link: LineGrant, token: str, page: str, *, now: datetime) -> tuple[LineGrant, str] | None:
    """The grant of the phone that opens a captain's link (whose `token` it has), and that phone's own token;
    None when the link has ended meanwhile.

    `page` is drawn for one showing of the link's page: pressed twice on it is one phone. Every other one is
    another phone, which the chair sees. A phone that was taken back gets its own back, and is refused by it.
    """
    own = base64.b32encode(crypto.link(f"{token.upper()}/{page}".encode())[:25]).decode()
    with atomic() as session:
        # Pressed twice at once, the second one waits here, and then finds the first one's.
        link = _locked(link.id)
        phone = session.scalar(select(LineGrant).where(LineGrant.token_hash == hash_token(own)))
        if phone is None:
            if link.revoked_at is not None or link.ends_at <= now:
                return None
            phone = _opened(link, own, now)
            session.add(phone)
            audit.note(f"grant:{link.id}", "grant.open", phone.id, now=now)
        return phone, own


def _opened(link: LineGrant, own: str, now: datetime) -> LineGrant:
    return LineGrant(
        event_id=link.event_id,
        token_hash=hash_token(own),
        kind=GrantKind.CAPTAIN,
        label=link.label,
        link_id=link.id,
        role_id=link.role_id,
        made_by=link.made_by,
        made_at=now,
        ends_at=link.ends_at,
    )


def revoke_grant(grant: LineGrant, by: str, *, now: datetime) -> None:
    """Take a grant back: the phone's next request is refused. Twice takes it back once.

    With a link all phones that opened it; with one such phone also the link, which opens no other from then
    on, while the phones it has opened go on.
    """
    those = or_(LineGrant.id == grant.id, LineGrant.link_id == grant.id)
    with atomic() as session:
        _locked(
            grant.link_id or grant.id
        )  # a phone that is being opened is there afterwards, and goes as well
        taken = session.scalars(
            update(LineGrant)
            .where(those, LineGrant.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(LineGrant.id)
        ).all()
        audit.note_all(by, "grant.revoke", taken, now=now)
        _close_link_of(grant, now)


def hand_over(grant: LineGrant, label: str, made_by: str, *, now: datetime) -> tuple[LineGrant, str]:
    """Another phone instead of this one, or of all of this link: they are taken back, and the new link ends
    when the old grant would have, on the same role."""
    ends_at, role_id = grant.ends_at, grant.role_id
    label = label or grant.label or ""
    with atomic():
        revoke_grant(grant, made_by, now=now)
        return grant_line(
            grant.event_id, GrantKind.LINK, label, None, made_by, ends_at, role_id=role_id, now=now
        )


def pass_on(grant: LineGrant, label: str, made_by: str, *, now: datetime) -> tuple[LineGrant, str]:
    """The line goes to another captain's phone: a new link until this grant would have ended. This one ends
    now and is not taken back, so that what its phone has still to send counts."""
    ends_at = grant.ends_at
    with atomic() as session:
        session.execute(update(LineGrant).where(LineGrant.id == grant.id).values(ends_at=min(ends_at, now)))
        _close_link_of(grant, now)
        kind, role_id = GrantKind.LINK, grant.role_id
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


def _locked(link_id: uuid.UUID) -> LineGrant:
    """The link as it stands now, until the transaction ends: nobody opens it or takes it back meanwhile."""
    link = select(LineGrant).where(LineGrant.id == link_id).with_for_update()
    return db.session.scalars(link.execution_options(populate_existing=True)).one()


def _close_link_of(phone: LineGrant, now: datetime) -> None:
    """Whoever held this phone has its link as well: it opens no other one."""
    if phone.link_id is not None:
        still = LineGrant.id == phone.link_id, LineGrant.ends_at > now
        with atomic() as session:
            session.execute(update(LineGrant).where(*still).values(ends_at=now))


def move_grants(event_id: uuid.UUID, kind: GrantKind, ends_at: datetime) -> None:
    """The event was moved: its running grants of this kind now end at `ends_at`."""
    kinds = (kind, GrantKind.LINK) if kind is GrantKind.CAPTAIN else (kind,)
    with atomic() as session:
        session.execute(
            update(LineGrant)
            .where(LineGrant.event_id == event_id, LineGrant.kind.in_(kinds), LineGrant.revoked_at.is_(None))
            .values(ends_at=ends_at)
        )


def open_grants(event_id: uuid.UUID, *, now: datetime) -> Sequence[LineGrant]:
    """Grants of an event's line that run, phones and links, oldest first."""
    return db.session.scalars(
        select(LineGrant)
        .where(LineGrant.event_id == event_id, LineGrant.revoked_at.is_(None), LineGrant.ends_at > now)
        .where(LineGrant.kind != GrantKind.WALL)
        .order_by(LineGrant.id)
    ).all()


@dataclass(frozen=True)
class LinkedPhones:
    """A link of an event's line, or a phone that needed none, and the phones that run by it, oldest first.
    `opens`: it is a link, and opens more of them."""

    grant: LineGrant
    phones: Sequence[LineGrant]
    opens: bool


def phones_by_link(event_id: uuid.UUID, *, now: datetime) -> list[LinkedPhones]:
    """What runs at an event's line, oldest first: each link with its phones, each other phone by itself."""
    running = open_grants(event_id, now=now)
    phones: dict[uuid.UUID, list[LineGrant]] = {}
    for one in running:
        if one.kind in PHONES:
            phones.setdefault(one.link_id or one.id, []).append(one)
    opens = {one.id for one in running if one.kind is GrantKind.LINK}
    shown = select(LineGrant).where(LineGrant.id.in_(phones.keys() | opens)).order_by(LineGrant.id)
    return [
        LinkedPhones(grant, phones.get(grant.id, []), grant.id in opens)
        for grant in db.session.scalars(shown)
    ]


def phones_beside(grant: LineGrant, *, now: datetime) -> list[LineGrant]:
    """The running phones that were opened by the same link as this one, itself among them, oldest first."""
    if grant.link_id is None:
        return [grant]
    return [one for one in open_grants(grant.event_id, now=now) if one.link_id == grant.link_id]


def grant_by_token(token: str, *, now: datetime) -> LineGrant | None:
    """The running grant of a link, in any case of letters; None when it ended or was taken back."""
    grant = db.session.scalar(select(LineGrant).where(LineGrant.token_hash == hash_token(token.upper())))
    return grant if grant and grant.revoked_at is None and now < grant.ends_at else None


def grants_end_at(event_id: uuid.UUID) -> dict[uuid.UUID, datetime]:
    """When each phone's grant of an event's line ends or has ended: one that was taken back then, and one
    whose person holds no role any more at the beginning of all time."""
    role = or_(LineGrant.person_id.is_(None), holds_a_role())
    columns = LineGrant.id, LineGrant.ends_at, LineGrant.revoked_at, role.label("has_role")
    phones = LineGrant.event_id == event_id, LineGrant.kind.in_(PHONES)
    rows = db.session.execute(select(*columns).where(*phones)).all()
    ends = {row.id: min(row.ends_at, row.revoked_at or row.ends_at) for row in rows}
    return ends | {row.id: _EVER for row in rows if not row.has_role}


def holds_a_role() -> ColumnElement[bool]:
    """A chair's line ends with her last role, also when that was to end on a date."""
    terms = select(RoleTerm.id).where(
        RoleTerm.person_id == LineGrant.person_id, running_on(today(clock.now()))
    )
    return exists(terms.correlate(LineGrant))
