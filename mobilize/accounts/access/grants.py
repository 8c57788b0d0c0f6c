"""Access tokens for one event's line page, without an account: issuing, handing over, revoking."""

import base64
import secrets
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, Uuid, exists, or_, select, update

from mobilize import audit, clock
from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName, RoleTerm
from mobilize.backup import journal
from mobilize.database import atomic, db
from mobilize.fast.statements import BatchStatement, retried
from mobilize.fast.versions import VersionCache, mark_changed, version_of
from mobilize.keys import crypto
from mobilize.keys.tokens import hash_token

# What a phone could not send from the line is still taken this long after its grant has ended.
UPLOADS_ARE_TAKEN = timedelta(days=14)
# Kinds that open the line's page on a phone.
PHONES = (GrantKind.CHAIR, GrantKind.CAPTAIN)
# What is read of a line's phones is read again after this; in each process within these bytes.
PHONES_KEPT_AT_MOST = timedelta(seconds=60)
PHONES_CACHE_BYTES = 8 << 20
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
    """A new grant for one event, and its token. Only the token's hash is stored. A captain gets the kind
    LINK: see `open_link`.

    `label` names the owner of the phone, in the chair's words; `person` ties a chair's grant to them, and it
    ends with their role; `role_id` is the role in whose name it is issued (see `role_at`), and with which it
    ends; `area_id` narrows a wall's; `made_by` is an actor as in the audit. Every call makes another grant.
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
        mark_changed(event_id)
        audit.note(made_by, f"grant.give.{kind}", grant.id, now=now)
    return grant, token


def open_link(link: LineGrant, token: str, page: str, *, now: datetime) -> tuple[LineGrant, str] | None:
    """The grant of the phone that opens a captain's link with this `token`, and that phone's own token; None
    when the link has ended meanwhile.

    `page` is random, one for each time the link's page is loaded: pressing its button twice is one phone.
    Every other page is another phone, which the chair sees. A revoked phone gets its own grant again, and is
    refused.
    """
    own = base64.b32encode(crypto.link(f"{token.upper()}/{page}".encode())[:25]).decode()
    with atomic() as session:
        # Pressed twice at once: the second request waits here, and then reads the first one's grant.
        link = _locked(link.id)
        phone = session.scalar(select(LineGrant).where(LineGrant.token_hash == hash_token(own)))
        if phone is None:
            if link.revoked_at is not None or link.ends_at <= now:
                return None
            phone = _opened(link, own, now)
            session.add(phone)
            mark_changed(link.event_id)
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
    """Revoke a grant: the phone's next request is refused. Twice revokes it once.

    A link takes all phones that opened it with it. One such phone takes the link with it, which then opens no
    other phone, while the phones it has opened go on.
    """
    same_link = or_(LineGrant.id == grant.id, LineGrant.link_id == grant.id)
    with atomic() as session:
        # A phone that opens the link at this moment is stored after the lock, and is revoked as well.
        _locked(grant.link_id or grant.id)
        taken = session.scalars(
            update(LineGrant)
            .where(same_link, LineGrant.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(LineGrant.id)
        ).all()
        audit.note_all(by, "grant.revoke", taken, now=now)
        _journal_end(grant, [*taken], now=now)
        mark_changed(grant.event_id)
        _close_link_of(grant, now)


def repeat_end(
    event_id: uuid.UUID,
    revoked: Collection[uuid.UUID],
    ended: Collection[uuid.UUID],
    *,
    by: str,
    now: datetime,
) -> None:
    """End grants again that had ended in minutes which a restore has lost."""
    with atomic() as session:
        running = LineGrant.id.in_(revoked), LineGrant.revoked_at.is_(None)
        taken = session.scalars(
            update(LineGrant).where(*running).values(revoked_at=now).returning(LineGrant.id)
        )
        audit.note_all(by, "grant.revoke", taken.all(), now=now)
        still = LineGrant.id.in_(ended), LineGrant.ends_at > now
        session.execute(update(LineGrant).where(*still).values(ends_at=now))
        mark_changed(event_id)


def _journal_end(grant: LineGrant, revoked: Collection[uuid.UUID], *, now: datetime) -> None:
    """Without those revoked, the grant has passed on its line; the link that opened a phone ends with it."""
    ended = [grant.link_id] if grant.link_id else []
    ended += [] if revoked else [grant.id]
    values = {"revoked": [str(one) for one in revoked], "ended": [str(one) for one in ended]}
    journal.note("grant.end", {"event": str(grant.event_id), **values}, now=now)


def hand_over(grant: LineGrant, label: str, made_by: str, *, now: datetime) -> tuple[LineGrant, str]:
    """A new link instead of this phone, or of all phones of this link: they are revoked, and the new link
    ends when the old grant would have, on the same role."""
    ends_at, role_id = grant.ends_at, grant.role_id
    label = label or grant.label or ""
    with atomic():
        revoke_grant(grant, made_by, now=now)
        return grant_line(
            grant.event_id, GrantKind.LINK, label, None, made_by, ends_at, role_id=role_id, now=now
        )


def pass_on(grant: LineGrant, label: str, made_by: str, *, now: datetime) -> tuple[LineGrant, str]:
    """A new link for another captain's phone, until this grant would have ended. This grant ends now and is
    not revoked, so that what its phone has still to send counts."""
    ends_at = grant.ends_at
    with atomic() as session:
        session.execute(update(LineGrant).where(LineGrant.id == grant.id).values(ends_at=min(ends_at, now)))
        mark_changed(grant.event_id)
        _close_link_of(grant, now)
        _journal_end(grant, [], now=now)
        kind, role_id = GrantKind.LINK, grant.role_id
        return grant_line(grant.event_id, kind, label, None, made_by, ends_at, role_id=role_id, now=now)


def role_at(
    person: Person, sites: Collection[uuid.UUID], area_id: uuid.UUID | None, *, now: datetime
) -> uuid.UUID | None:
    """The role in whose name a person opens a line at these sites, or in this area: the nearest one."""
    held = select(RoleTerm).where(RoleTerm.person_id == person.id, running_on(today(now)))
    terms = db.session.scalars(held.order_by(RoleTerm.id)).all()
    nearest = (
        [t.id for t in terms if t.site_id in sites],
        [t.id for t in terms if t.role is RoleName.ORGANIZER and t.area_id == area_id],
        [t.id for t in terms if t.role is RoleName.ADMIN],
        [t.id for t in terms],
    )
    return next((ids[0] for ids in nearest if ids), None)


def revoke_grants_of_role(term: RoleTerm, by: str, *, now: datetime, own_only: bool = False) -> None:
    """Revoke every grant issued in the name of this role: its holder's own pages, captains' links, phones
    they handed over to. `own_only` leaves the captains, for the successor."""
    hangs = select(LineGrant).where(LineGrant.role_id == term.id, LineGrant.revoked_at.is_(None))
    if own_only:
        hangs = hangs.where(LineGrant.person_id == term.person_id)
    with atomic():
        for grant in db.session.scalars(hangs.where(LineGrant.ends_at > now).order_by(LineGrant.id)).all():
            revoke_grant(grant, by, now=now)


def pass_to_successors(site_id: uuid.UUID | None, *, now: datetime) -> None:
    """Move the captains' grants of ended chair roles at this site to the successor's role: the running one
    there that began first. Without a successor they stay where they are, and keep running."""
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
    """The current row of a link, locked until the transaction ends: nobody opens or revokes it meanwhile."""
    link = select(LineGrant).where(LineGrant.id == link_id).with_for_update()
    return db.session.scalars(link.execution_options(populate_existing=True)).one()


def _close_link_of(phone: LineGrant, now: datetime) -> None:
    """End the link that opened this phone: whoever held the phone has the link as well."""
    if phone.link_id is not None:
        still = LineGrant.id == phone.link_id, LineGrant.ends_at > now
        with atomic() as session:
            session.execute(update(LineGrant).where(*still).values(ends_at=now))


def move_grants(event_id: uuid.UUID, kind: GrantKind, ends_at: datetime, *, now: datetime) -> None:
    """Set the end of an event's running grants of this kind, after the event was moved. A phone that handed
    the line on, and a link that was closed, have ended and stay so."""
    kinds = (kind, GrantKind.LINK) if kind is GrantKind.CAPTAIN else (kind,)
    running = LineGrant.revoked_at.is_(None), LineGrant.ends_at > now
    with atomic() as session:
        session.execute(
            update(LineGrant)
            .where(LineGrant.event_id == event_id, LineGrant.kind.in_(kinds), *running)
            .values(ends_at=ends_at)
        )
        mark_changed(event_id)


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
    """A link of an event's line with the phones that opened it, oldest first; or a phone without a link.
    `opens`: it is a link that still opens more phones."""

    grant: LineGrant
    phones: Sequence[LineGrant]
    opens: bool


def phones_by_link(event_id: uuid.UUID, *, now: datetime) -> list[LinkedPhones]:
    """The running grants of an event's line, oldest first: each link with its phones, other phones alone."""
    running = open_grants(event_id, now=now)
    phones: dict[uuid.UUID, list[LineGrant]] = {}
    for one in running:
        if one.kind in PHONES:
            phones.setdefault(one.link_id or one.id, []).append(one)
    opens = {one.id for one in running if one.kind is GrantKind.LINK}
    listed = select(LineGrant).where(LineGrant.id.in_(phones.keys() | opens)).order_by(LineGrant.id)
    return [
        LinkedPhones(grant, phones.get(grant.id, []), grant.id in opens)
        for grant in db.session.scalars(listed)
    ]


class HeldGrant(NamedTuple):
    """A phone's grant of an event's line, as it was read for the looks of all its phones.

    `ends_at`: of a revoked one when it was revoked; where its person holds no role any more, the beginning of
    all time."""

    id: uuid.UUID
    event_id: uuid.UUID
    kind: GrantKind
    link_id: uuid.UUID | None
    made_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class LinePhones:
    """All phones of an event's line by the hashes of their tokens, ended ones too, oldest first. Good while
    the line's version is this, and until then: a role that ends with its last day moves no version."""

    version: int
    until: datetime
    grants: dict[bytes, HeldGrant]

    @property
    def size(self) -> int:
        return 300 * (len(self.grants) + 1)

    def ends(self) -> dict[uuid.UUID, datetime]:
        """The end of each phone's grant."""
        return {grant.id: grant.ends_at for grant in self.grants.values()}

    def beside(self, grant: HeldGrant, now: datetime) -> list[HeldGrant]:
        """The running phones that were opened by the same link as this one, itself among them."""
        return [
            one
            for one in self.grants.values()
            if one.id == grant.id or (grant.link_id and one.link_id == grant.link_id and now < one.ends_at)
        ]


_phones: VersionCache[LinePhones] = VersionCache(PHONES_CACHE_BYTES)
forget_phones = _phones.clear


def line_phones(event_id: uuid.UUID, *, now: datetime, fresh: bool = False) -> LinePhones:
    """The phones of an event's line, read once in this process for each version of the line: half a second
    old at most, or `fresh`."""
    version = version_of(event_id, fresh=fresh)
    return _phones.get(event_id, version, now, lambda: _read_phones({event_id: version}, now)[event_id])


def cached_line_phones(event_id: uuid.UUID, version: int, now: datetime) -> LinePhones | None:
    """The same of this version, without asking the database; None where that would be needed."""
    return _phones.find(event_id, version, now)


def read_line_phones(versions: Mapping[uuid.UUID, int], now: datetime) -> Mapping[uuid.UUID, LinePhones]:
    """The phones of the lines of many events, read at once and kept; `versions` was read before."""
    read = _read_phones(versions, now)
    for event_id, phones in read.items():
        _phones.keep(event_id, phones)
    return read


def _read_phones(versions: Mapping[uuid.UUID, int], now: datetime) -> dict[uuid.UUID, LinePhones]:
    questions = [{"event": event_id, "today": today(now)} for event_id in versions]
    phones = {}
    answers = retried(lambda: _LINE_PHONES.run(questions))
    for (event_id, version), rows in zip(versions.items(), answers, strict=True):
        grants = {}
        for token_hash, grant, kind, link_id, made_at, ends_at, revoked_at, has_role in rows:
            end = min(ends_at, revoked_at or ends_at) if has_role else _EVER
            grants[token_hash] = HeldGrant(grant, event_id, kind, link_id, made_at, end)
        phones[event_id] = LinePhones(version, now + PHONES_KEPT_AT_MOST, grants)
    return phones


def grant_by_token(token: str, *, now: datetime) -> LineGrant | None:
    """The running grant of a link, in any case of letters; None when it ended or was taken back."""
    grant = db.session.scalar(select(LineGrant).where(LineGrant.token_hash == hash_token(token.upper())))
    return grant if grant and grant.revoked_at is None and now < grant.ends_at else None


def grants_end_at(event_id: uuid.UUID) -> dict[uuid.UUID, datetime]:
    """The end of each phone's grant of an event's line, as it is stored now: see `HeldGrant`."""
    return _read_phones({event_id: 0}, clock.now())[event_id].ends()


def _line_phones(question: Any) -> Any:
    role = or_(LineGrant.person_id.is_(None), _holds_a_role(question.today))
    columns = (
        LineGrant.token_hash,
        LineGrant.id,
        LineGrant.kind,
        LineGrant.link_id,
        LineGrant.made_at,
        LineGrant.ends_at,
        LineGrant.revoked_at,
    )
    phones = LineGrant.event_id == question.event, LineGrant.kind.in_(PHONES)
    return select(*columns, role.label("has_role")).where(*phones)


def holds_a_role() -> ColumnElement[bool]:
    """SQL: the grant's person holds the role now in whose name it was given: a chair's own page ends with it,
    whatever they are elsewhere. Given by the shell, it is in the name of any."""
    return _holds_a_role(today(clock.now()))


def _holds_a_role(day: Any) -> ColumnElement[bool]:
    its_own = or_(LineGrant.role_id.is_(None), RoleTerm.id == LineGrant.role_id)
    terms = select(RoleTerm.id).where(RoleTerm.person_id == LineGrant.person_id, its_own, running_on(day))
    return exists(terms.correlate_except(RoleTerm))


_LINE_PHONES = BatchStatement({"event": Uuid(), "today": Date()}, _line_phones, order=["id"])
