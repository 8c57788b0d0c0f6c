"""Who signs in, and in which role from when to when."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select, update

from mobilize import audit
from mobilize.accounts.links import make_link
from mobilize.accounts.models import CHAIRS, LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.queries import current_terms, may_manage, may_manage_person, term_in_scope
from mobilize.accounts.scope import THE_OFFICE, Scope, running_on, today
from mobilize.accounts.second_steps import forget_second_steps
from mobilize.crypto import blind_index
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.phones import normalize
from mobilize.roster.models import Area, Site


@dataclass(frozen=True)
class Invitation:
    """Whom to invite to what. A chair needs a site, an organizer an area, an admin neither.

    `from_on` is the role's first day; None is today.
    """

    name: str
    phone: str
    role: RoleName
    site: Site | None = None
    area: Area | None = None
    language: str = "en"
    from_on: date | None = None


def invite(invitation: Invitation, *, scope: Scope, actor: str, now: datetime) -> tuple[Person, str | None]:
    """The person with the role, and the token of a one-time link for her.

    A number that is known already gets the role and keeps its name. There is no link when the inviter could
    not hand this person any (she holds a role outside the inviter's `scope`), or when her role begins later:
    she signs in with her phone. Inviting twice gives the role once and a fresh link. Refused: no_name,
    bad_phone, no_place, not_yours, bad_dates.
    """
    name, phone = " ".join(invitation.name.split())[:120], normalize(invitation.phone).phone
    if not name:
        raise Refused("no_name", _("Type a name."))
    if phone is None:
        raise Refused("bad_phone", _("Type a mobile number with its area code, 10 digits."))
    _refuse_wrong_place(invitation, scope)
    with atomic():
        person = _person_of(phone, name, invitation.language, now)
        may_link = may_manage_person(scope, person, today(now))
        give_role(
            person,
            invitation.role,
            site=invitation.site,
            area=invitation.area,
            from_on=invitation.from_on,
            actor=actor,
            now=now,
        )
        works_today = bool(current_terms(person, today(now)))
        return person, make_link(person, actor, now=now) if may_link and works_today else None


def invite_first_admin(name: str, phone: str, *, now: datetime) -> tuple[Person, str]:
    """The first admin and the token of her one-time link. Only the operator's shell does this.

    Refused: "has_admin" once there is one: she invites the others.
    """
    with atomic():
        if db.session.scalar(_lasting_admins(now)):
            raise Refused("has_admin", _("There is an admin already. She invites others on the page People."))
        first = Invitation(name, phone, RoleName.ADMIN)
        person, token = invite(first, scope=THE_OFFICE, actor="shell", now=now)
        return person, token or make_link(person, "shell", now=now)


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
    """From `from_on`, or today, `person` holds `role` (at `site`, or for `area`). Twice gives it once.

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
        term = RoleTerm(person_id=person.id, role=role, from_on=first, given_by=actor, **place)
        session.add(term)
        session.flush()
        audit.note(actor, f"role.give.{role}", term.id, now=now)
    return term


def end_role(term_id: uuid.UUID, *, scope: Scope, actor: str, now: datetime) -> Person:
    """End a role now: her next request is refused, and the lines she opened with it close.

    Refused: "no_role" for a term that is not there or not in `scope` (the same answer), "last_admin".
    """
    with atomic() as session:
        term = term_in_scope(term_id, scope, today(now))
        if term is None:
            raise Refused("no_role", _("There is no such role any more."), status=404)
        _refuse_last_admin(term, now)
        term.to_on = today(now)
        session.execute(
            update(LineGrant)
            .where(LineGrant.person_id == term.person_id, LineGrant.revoked_at.is_(None))
            .values(revoked_at=now)
            .execution_options(synchronize_session=False)
        )
        audit.note(actor, f"role.end.{term.role}", term.id, now=now)
        return term.person


def set_term(
    term_id: uuid.UUID,
    from_on: date | None,
    last_on: date | None,
    *,
    scope: Scope,
    actor: str,
    now: datetime,
) -> Person:
    """Change a role's days: `from_on` only while it has not begun (None leaves it), `last_on` its last day,
    None for no end. Her first request after the last day is refused.

    Refused: "no_role" as in `end_role`, "bad_dates", "last_admin".
    """
    with atomic():
        term = term_in_scope(term_id, scope, today(now))
        if term is None:
            raise Refused("no_role", _("There is no such role any more."), status=404)
        if from_on and term.from_on > today(now):
            _refuse_past(from_on, now)
            term.from_on = from_on
        if last_on is not None:
            _refuse_last_admin(term, now)
            if last_on < max(term.from_on, today(now)):
                raise Refused("bad_dates", _("The last day is before the first, or over already."))
        term.to_on = last_on + timedelta(days=1) if last_on else None
        audit.note(actor, f"role.dates.{term.role}", term.id, now=now)
        return term.person


def start_anew(person: Person, *, scope: Scope, actor: str, now: datetime) -> str:
    """She has lost her passkey, her app and her codes: they end, she is signed out everywhere, and the token
    of a new one-time link comes back. Refused: "not_yours" as in `fresh_link`."""
    with atomic():
        token = fresh_link(person, scope=scope, actor=actor, now=now)
        forget_second_steps(person, actor, now=now)
        return token


def fresh_link(person: Person, *, scope: Scope, actor: str, now: datetime) -> str:
    """The token of a new one-time link for somebody who cannot get a text. Her older ones end.

    Refused: "not_yours" when she holds a role outside `scope`, since the link opens all she may see.
    """
    if not current_terms(person, today(now)) or not may_manage_person(scope, person, today(now)):
        raise Refused("not_yours", _("Only the office can make a link for this person."), status=403)
    return make_link(person, actor, now=now)


def _refuse_wrong_place(invitation: Invitation, scope: Scope) -> None:
    role = invitation.role
    if role in CHAIRS and invitation.site is None:
        raise Refused("no_place", _("Say which site she is chair of."))
    if role is RoleName.ORGANIZER and invitation.area is None:
        raise Refused("no_place", _("Say which area she organizes."))
    if (invitation.site and role not in CHAIRS) or (invitation.area and role is not RoleName.ORGANIZER):
        raise Refused("no_place", _("Only a chair has a site, and only an organizer an area."))
    if not may_manage(scope, role, invitation.site):
        raise Refused("not_yours", _("You can invite chairs of the sites in your own areas."), status=403)


def _person_of(phone: str, name: str, language: str, now: datetime) -> Person:
    """Whoever has this number; somebody new when nobody has. Of two invitations at once one makes her."""
    phone_bix, row_id = blind_index("phone", phone), Person.make_id()
    new = insert(Person).values(
        id=row_id,
        name_enc=Person.name.seal(row_id, name),
        phone_enc=Person.phone.seal(row_id, phone),
        phone_bix=phone_bix,
        language=language,
        made_at=now,
    )
    db.session.execute(new.on_conflict_do_nothing(index_elements=["phone_bix"]))
    return db.session.scalars(select(Person).where(Person.phone_bix == phone_bix)).one()


def _refuse_past(first: date, now: datetime) -> None:
    if first < today(now):
        raise Refused("bad_dates", _("A role cannot begin before today."))


def _refuse_last_admin(term: RoleTerm, now: datetime) -> None:
    """Somebody else has to be admin without an end. All admins' rows are locked: of two at once one stays."""
    if term.role is RoleName.ADMIN and set(db.session.scalars(_lasting_admins(now))) <= {term.person_id}:
        raise Refused("last_admin", _("Somebody has to be admin. Invite another one first."))


def _lasting_admins(now: datetime) -> Select[uuid.UUID]:
    lasting = select(RoleTerm.person_id).where(RoleTerm.role == RoleName.ADMIN, RoleTerm.to_on.is_(None))
    return lasting.where(running_on(today(now))).with_for_update()
