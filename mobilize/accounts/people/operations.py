"""Roles of people who sign in: inviting somebody, giving a role, ending it, changing its days."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select

from mobilize import audit, settings
from mobilize.accounts.access.authority import RoleRank, begins_at, raises, rank_of
from mobilize.accounts.access.grants import pass_to_successors, revoke_grants_of_role
from mobilize.accounts.access.scope import THE_OFFICE, Scope, running_on, today
from mobilize.accounts.access.sponsors import actor_of, note_sponsor
from mobilize.accounts.models import CHAIRS, AdminChangeKind, Person, RoleName, RoleTerm
from mobilize.accounts.people.admin_changes import AdminChangeRequest, ask_second_admin
from mobilize.accounts.people.notices import OFFICE, ORGANIZERS, can_be_texted, notify_roles
from mobilize.accounts.queries import may_manage, term_in_scope
from mobilize.accounts.sign_in.one_time_links import end_links, end_links_made_by
from mobilize.accounts.sign_in.role_links import (
    SHELL,
    AccessMethod,
    RoleAccess,
    highest_rank,
    let_in,
    refuse_unproved,
)
from mobilize.accounts.sign_in.sessions import end_all_sessions
from mobilize.backup import journal
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.roster.models import Area, Site


@dataclass(frozen=True)
class Invitation:
    """An invitation to a role. A chair needs a site, an organizer an area, an admin neither.

    `from_on` is the role's first day; None is today.
    """

    name: str
    phone: str
    role: RoleName
    site: Site | None = None
    area: Area | None = None
    language: str = "en"
    from_on: date | None = None


def invite(
    invitation: Invitation, *, scope: Scope, actor: str, now: datetime, stepped_up: bool = False
) -> RoleAccess:
    """Give somebody a role; returns how they sign in: see `role_links.RoleAccess`.

    A number that is known already gets the role and keeps its name. An admin is made when a second admin has
    agreed, and every admin is notified. To invite an organizer or admin takes a step-up (`stepped_up`).
    Inviting twice gives the role once and a fresh link; not to an organizer or admin whom no text reaches,
    for whom that is a reset: see `role_links.fresh_link`. Refused: no_name, bad_phone, no_place, not_yours,
    bad_dates, step_up.
    """
    name, phone = " ".join(invitation.name.split())[:120], normalize(invitation.phone).phone
    if not name:
        raise Refused("no_name", _("Type a name."))
    if phone is None:
        raise Refused("bad_phone", _("Type a mobile number with its area code, 10 digits."))
    _refuse_wrong_place(invitation, scope)
    _refuse_past(invitation.from_on or today(now), now)
    refuse_unproved(rank_of(invitation.role), actor, stepped_up)
    with atomic():
        person = _person_of(phone, name, invitation.language, now)
        if invitation.role is RoleName.ADMIN and actor != SHELL and not _is_admin(person, invitation, now):
            request = AdminChangeRequest(AdminChangeKind.MAKE, from_on=invitation.from_on)
            ask_second_admin(person, request, by=actor, now=now)
            return RoleAccess(person, AccessMethod.SECOND)
        before = highest_rank(person, now)
        term = give_role(
            person,
            invitation.role,
            site=invitation.site,
            area=invitation.area,
            from_on=invitation.from_on,
            actor=actor,
            now=now,
        )
        in_already = before >= max(RoleRank.ORGANIZER, rank_of(invitation.role))
        if in_already and actor != SHELL and not can_be_texted(person):
            return RoleAccess(person, AccessMethod.CODE)
        return let_in(person, scope=scope, actor=actor, now=now, term=term)


def invite_first_admin(name: str, phone: str, *, now: datetime) -> RoleAccess:
    """The first admin and the token of their one-time link. Only the operator's shell does this.

    Refused: "has_admin" once there is one, who invites the others.
    """
    with atomic():
        if db.session.scalar(_lasting_admins(now)):
            raise Refused("has_admin", _("There is an admin already. They invite others on the page People."))
        return invite(Invitation(name, phone, RoleName.ADMIN), scope=THE_OFFICE, actor=SHELL, now=now)


def has_lasting_admin(*, now: datetime) -> bool:
    """Whether there is an admin whose role has no end."""
    return db.session.scalar(_lasting(now).limit(1)) is not None


def give_role(
    person: Person,
    role: RoleName,
    *,
    site: Site | None = None,
    area: Area | None = None,
    from_on: date | None = None,
    actor: str,
    now: datetime,
) -> RoleTerm:
    """Give `person` a role (at `site`, or for `area`) from `from_on`, or today. Twice gives it once.

    Refused: "bad_dates" for a first day before today.
    """
    first = from_on or today(now)
    _refuse_past(first, now)
    with atomic() as session:
        session.scalar(select(Person.id).where(Person.id == person.id).with_for_update())
        place = {"site_id": site.id if site else None, "area_id": area.id if area else None}
        held = session.scalar(
            select(RoleTerm).filter_by(person_id=person.id, role=role, **place).where(running_on(first))
        )
        if held is not None:
            return held
        term = RoleTerm(
            person_id=person.id, role=role, from_on=first, granted_by=actor, granted_at=now, **place
        )
        session.add(term)
        session.flush()
        note_giver(person, term, actor)
        audit.note(actor, f"role.give.{role}", term.id, now=now)
        if role is RoleName.ADMIN:
            notify_roles(OFFICE, "admin_made", f"admin_made:{term.id}:1", now=now)
    return term


def note_giver(person: Person, term: RoleTerm, actor: str) -> None:
    """Store whoever gave a person a higher rank than before as their sponsor, from when the role begins."""
    held = db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == person.id)).all()
    zone = settings().union_timezone
    if raises(held, term, zone):
        note_sponsor(person, actor, begins_at(term, zone))


def end_role(term_id: uuid.UUID, *, for_cause: bool, scope: Scope, actor: str, now: datetime) -> Person:
    """End a role now: the next request with it is refused.

    Every admin and organizer is told of an admin's end, also the one whose role it was.

    At a term's end or a hand-over, captains' links of a running event pass to the successor. `for_cause`
    everything of theirs ends with it, at once: their sessions, links they made, captains' links, and
    phones they handed over to.

    Refused: "no_role" for a term that is not there or not in `scope` (the same answer), "last_admin".
    """
    with atomic():
        term = term_in_scope(term_id, scope, today(now))
        if term is None:
            raise Refused("no_role", _("There is no such role any more."), status=404)
        _refuse_last_admin(term, now)
        _tell_of_admins_end(term, now)
        _end(term, today(now), for_cause=for_cause, actor=actor, now=now)
        cause = ".cause" if for_cause else ""
        audit.note(actor, f"role.end{cause}.{term.role}", term.id, now=now)
        return term.person


def repeat_end(term: RoleTerm, to_on: date, *, for_cause: bool, actor: str, now: datetime) -> None:
    """End a role again that had ended in minutes which a restore has lost; an earlier end stays."""
    with atomic():
        if term.to_on is None or term.to_on > to_on:
            _end(term, to_on, for_cause=for_cause, actor=actor, now=now)


def _end(term: RoleTerm, to_on: date, *, for_cause: bool, actor: str, now: datetime) -> None:
    pass_to_successors(term.site_id, now=now)
    term.to_on = to_on
    db.session.flush()
    if for_cause:
        revoke_grants_of_role(term, actor, now=now)
        end_links_made_by(actor_of(term.person), now=now)
        end_links(term.person, now=now)
        end_all_sessions(term.person_id, now=now)
    else:
        revoke_grants_of_role(term, actor, now=now, own_only=True)
        pass_to_successors(term.site_id, now=now)
    journal_end(term, for_cause=for_cause, actor=actor, now=now)


def journal_end(term: RoleTerm, *, actor: str, now: datetime, for_cause: bool = False) -> None:
    """Write down in the journal that a role has an end."""
    if term.to_on is not None:
        values = {"term": str(term.id), "to_on": term.to_on.isoformat(), "cause": for_cause, "by": actor}
        journal.note("role.end", values, now=now)


def set_term(
    term_id: uuid.UUID,
    from_on: date | None,
    last_on: date | None,
    *,
    scope: Scope,
    actor: str,
    now: datetime,
    stepped_up: bool = False,
) -> RoleAccess:
    """Change a role's days: `from_on` only while it has not begun (None leaves it), `last_on` its last day,
    None for no end. The first request after the last day is refused.

    To give an organizer or admin more days takes a step-up; an admin's wants a second admin, and waits.
    Refused: "no_role" as in `end_role`, "bad_dates", "last_admin", "step_up".
    """
    with atomic():
        term = term_in_scope(term_id, scope, today(now))
        if term is None:
            raise Refused("no_role", _("There is no such role any more."), status=404)
        first = from_on if from_on and term.from_on > today(now) else term.from_on
        _refuse_bad_days(term, first, last_on, now)
        if _extends(term, first, last_on):
            refuse_unproved(rank_of(term.role), actor, stepped_up)
            if term.role is RoleName.ADMIN and actor != SHELL:
                request = AdminChangeRequest(
                    AdminChangeKind.EXTEND, from_on=first, last_on=last_on, term=term
                )
                ask_second_admin(term.person, request, by=actor, now=now)
                return RoleAccess(term.person, AccessMethod.SECOND)
        set_days(term, first, last_on, actor=actor, now=now)
        return RoleAccess(term.person, AccessMethod.CODE)


def set_days(term: RoleTerm, first: date, last_on: date | None, *, actor: str, now: datetime) -> None:
    """Set the days of a role; every admin is told where an admin gets more of them, and every organizer too
    where they get fewer.

    One that begins on another day than before counts as given now: whoever gave it and whoever moved it are
    sponsors of its holder. Whoever only moves its end lets nobody in who was not in.
    """
    with atomic() as session:
        if term.role is RoleName.ADMIN and _extends(term, first, last_on):
            notify_roles(OFFICE, "admin_extended", f"admin_extended:{term.id}:{now.timestamp():.0f}", now=now)
        elif last_on and (term.to_on is None or last_on + timedelta(days=1) < term.to_on):
            _tell_of_admins_end(term, now)
        if first != term.from_on:
            term.from_on, term.granted_at = first, now
            session.flush()
            for giver in (term.granted_by, actor):
                note_giver(term.person, term, giver)
        term.to_on = last_on + timedelta(days=1) if last_on else None
        journal_end(term, actor=actor, now=now)
        audit.note(actor, f"role.dates.{term.role}", term.id, now=now)


def _tell_of_admins_end(term: RoleTerm, now: datetime) -> None:
    """Before it ends: nobody becomes the only admin, who agrees with themselves, unseen."""
    if term.role is RoleName.ADMIN:
        notify_roles(ORGANIZERS, "admin_ended", f"admin_ended:{term.id}:{now.timestamp():.0f}", now=now)


def _refuse_wrong_place(invitation: Invitation, scope: Scope) -> None:
    role = invitation.role
    if role in CHAIRS and invitation.site is None:
        raise Refused("no_place", _("Say which site they are chair of."))
    if role is RoleName.ORGANIZER and invitation.area is None:
        raise Refused("no_place", _("Say which area they organize."))
    if (invitation.site and role not in CHAIRS) or (invitation.area and role is not RoleName.ORGANIZER):
        raise Refused("no_place", _("Only a chair has a site, and only an organizer an area."))
    if not may_manage(scope, role, invitation.site):
        raise Refused("not_yours", _("You can invite chairs of the sites in your own areas."), status=403)


def _person_of(phone: str, name: str, language: str, now: datetime) -> Person:
    """The person with this number, or a new one. Two invitations at once make one person."""
    phone_index, row_id = blind_index("phone", phone), Person.make_id()
    new = insert(Person).values(
        id=row_id,
        name_enc=Person.name.seal(row_id, name),
        phone_enc=Person.phone.seal(row_id, phone),
        phone_index=phone_index,
        language=language,
        made_at=now,
    )
    db.session.execute(new.on_conflict_do_nothing(index_elements=["phone_index"]))
    return db.session.scalars(select(Person).where(Person.phone_index == phone_index)).one()


def _is_admin(person: Person, invitation: Invitation, now: datetime) -> bool:
    """Whether this person is admin on that day already, so that they only need a fresh link."""
    day = invitation.from_on or today(now)
    held = select(RoleTerm.id).where(RoleTerm.person_id == person.id, RoleTerm.role == RoleName.ADMIN)
    return db.session.scalar(held.where(running_on(day)).limit(1)) is not None


def _extends(term: RoleTerm, first: date, last_on: date | None) -> bool:
    """Whether the role gets more days than before, at either end."""
    if first < term.from_on:
        return True
    return term.to_on is not None and (last_on is None or last_on >= term.to_on)


def _refuse_bad_days(term: RoleTerm, first: date, last_on: date | None, now: datetime) -> None:
    if first != term.from_on:
        _refuse_past(first, now)
    if last_on is not None:
        _refuse_last_admin(term, now)
        if last_on < max(first, today(now)):
            raise Refused("bad_dates", _("The last day is before the first, or over already."))


def _refuse_past(first: date, now: datetime) -> None:
    if first < today(now):
        raise Refused("bad_dates", _("A role cannot begin before today."))


def _refuse_last_admin(term: RoleTerm, now: datetime) -> None:
    """Refuse to end the last admin without an end. All admins' rows are locked: of two at once one stays."""
    if term.role is RoleName.ADMIN and set(db.session.scalars(_lasting_admins(now))) <= {term.person_id}:
        raise Refused("last_admin", _("Somebody has to be admin. Invite another one first."))


def _lasting_admins(now: datetime) -> Select[uuid.UUID]:
    """The same, and locked."""
    return _lasting(now).with_for_update()


def _lasting(now: datetime) -> Select[uuid.UUID]:
    """The admins of today whose role has no end."""
    lasting = select(RoleTerm.person_id).where(RoleTerm.role == RoleName.ADMIN, RoleTerm.to_on.is_(None))
    return lasting.where(running_on(today(now)))
