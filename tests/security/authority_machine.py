"""Three people who try all of accounts in any order: whoever gets power that was not given is found.

A human is whoever controls a phone or a second factor. Each of the three has two SIM cards, knows the secrets
of the apps they set up and the links they saw, and acts through the sessions they hold. The machine plays all
of them against the operations themselves, and keeps its own book of who is who.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyotp
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select, text

from mobilize.accounts.access.authority import rank_of
from mobilize.accounts.access.scope import THE_OFFICE, Scope, scope_and_authority, today
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.models import (
    CHAIRS,
    AdminChange,
    Person,
    RoleName,
    RoleTerm,
    SignedInSession,
    Sponsorship,
)
from mobilize.accounts.people.admin_changes import open_changes
from mobilize.accounts.people.chairs_apply import carry_out, stage_chairs
from mobilize.accounts.people.operations import Invitation, end_role, invite, set_term
from mobilize.accounts.people.second_admin import agree_to_admin_change
from mobilize.accounts.second_factor.operations import SecondFactorProof, set_up_app, verify_second_factor
from mobilize.accounts.second_factor.totp import start_app
from mobilize.accounts.sign_in.one_time_links import spend_link
from mobilize.accounts.sign_in.role_links import (
    AccessMethod,
    RoleAccess,
    change_number,
    fresh_link,
    start_anew,
)
from mobilize.accounts.sign_in.sessions import begin_session, is_half_in, is_over
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import hash_token
from mobilize.languages import Translated
from mobilize.roster.operations import change_phone
from mobilize.texts.consent.suppressions import is_opted_out, opt_in, opt_out
from mobilize.texts.models import OutboxText
from tests.builders import make_area, make_member, make_site

START = datetime(2026, 3, 3, 18, 0, tzinfo=UTC)
HUMANS = 3
SIMS = [f"+1213555{human:02d}{card:02d}" for human in range(HUMANS) for card in (11, 12)]
EMPTIED = (
    "admin_changes",
    "approvals",
    "chair_changes",
    "sponsorships",
    "one_time_links",
    "sessions",
    "authenticator_apps",
    "passkeys",
    "recovery_codes",
    "line_grants",
    "roles",
    "people",
    "outbox",
    "phone_rules",
    "audit",
)
THINGS = [str(uuid.UUID(int=n + 1)) for n in range(2)]

humans, cards, later = (
    st.integers(0, HUMANS - 1),
    st.sampled_from(SIMS),
    st.sampled_from([0, 0, 0, 1, 2, 60]),
)
roles = st.sampled_from([RoleName.ADMIN, RoleName.ORGANIZER, RoleName.ORGANIZER, RoleName.CHAIR])
waits = st.sampled_from([timedelta(minutes=1), timedelta(hours=1), timedelta(hours=25), timedelta(days=2)])


def holder_of(phone: str | None) -> int | None:
    """The human who holds this SIM card."""
    return SIMS.index(phone) // 2 if phone in SIMS else None


class Broken(AssertionError):
    """Somebody holds power that nobody above them gave, or agreed with themselves."""


@dataclass
class Human:
    """The property of one of them: sessions (by the hash of the cookie's token), links, and secrets of
    apps."""

    sessions: dict[bytes, str] = field(default_factory=dict)
    links: list[tuple[str, frozenset[uuid.UUID]]] = field(default_factory=list)
    apps: dict[uuid.UUID, pyotp.TOTP] = field(default_factory=dict)


class Authority(RuleBasedStateMachine):
    """Every operation is tried by whoever happens to be drawn; what is refused changes nothing.

    `tally` counts what was really done, by the verbs of the audit, over all plays of this process.
    """

    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        with atomic() as session:
            for table in EMPTIED:
                session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        db.session.remove()
        self.now = START
        self.humans = [Human() for _human in range(HUMANS)]
        # Who moved the first day of whose role.
        self.movers: dict[uuid.UUID, set[uuid.UUID]] = {}
        # Who acted as the asker and as the second person: approval -> human.
        self.askers: dict[uuid.UUID, int] = {}
        self.seconds: dict[uuid.UUID, int] = {}
        self.reach: dict[bytes, frozenset[uuid.UUID]] = {}
        # Links that open a day after they were displayed, by when they were; and the sessions that came of
        # one.
        self.delayed: dict[str, datetime] = {}
        self.of_delayed: set[bytes] = set()
        self.texts_read = 0
        self.done = 0
        self.areas = [make_area(), make_area()]
        self.sites = [make_site(area=area) for area in self.areas]

    def teardown(self) -> None:
        self.tally.update(db.session.scalars(select(AuditRow.verb)))
        self.tally["plays"] += 1

    # ---- What happens by itself

    @initialize(admins=st.sampled_from([2, 1, 3]), hours=st.sampled_from([25, 1]))
    def the_shell_makes_the_first(self, admins: int, hours: int) -> None:
        """A lone admin, or several; whoever is none is an organizer. Mostly of more than a day."""
        for human in range(HUMANS):
            role = RoleName.ADMIN if human < admins else RoleName.ORGANIZER
            self.by_shell(SIMS[2 * human], role)
            self.come_in(human, 0)
        self.now += timedelta(hours=hours)

    @rule(how_long=waits)
    def time_passes(self, how_long: timedelta) -> None:
        self.now += how_long

    @rule(sim=st.sampled_from(SIMS[::2]), role=st.sampled_from([RoleName.ADMIN, RoleName.ORGANIZER]))
    def the_shell_invites(self, sim: str, role: RoleName) -> None:
        self.by_shell(sim, role)

    @rule(sim=cards)
    def the_shell_resets(self, sim: str) -> None:
        person = self.person(sim)
        if person is not None:
            self.perform(None, lambda: start_anew(person, scope=THE_OFFICE, actor="shell", now=self.now))

    @rule(sim=cards, starts=st.booleans())
    def a_phone_says_stop_or_start(self, sim: str, starts: bool) -> None:
        """No text reaches whoever said STOP: an organizer's link is displayed then, and opens a day later."""
        (opt_in if starts else opt_out)(sim, source="sms", now=self.now)
        self.tally["start" if starts else "stop"] += 1

    @rule(human=humans, sim=cards, role=st.sampled_from([RoleName.ADMIN, RoleName.ORGANIZER]))
    def invite_whom_no_text_reaches_and_come_in_as_them(self, human: int, sim: str, role: RoleName) -> None:
        """What the maker sees of it, at once and a day later."""
        self.a_phone_says_stop_or_start(sim, False)
        self.invite(human, 0, sim, role, 0, 0)
        for wait in (timedelta(minutes=1), timedelta(hours=25)):
            self.now += wait
            self.open_a_link(human, 0)
            self.set_up_an_app(human, 0)

    # ---- Signing in

    @rule(human=humans, sim=cards)
    def sign_in_by_code(self, human: int, sim: str) -> None:
        """`enter_code` without its code: whoever holds the card reads the text."""
        person = self.person(sim)
        if person is None or holder_of(sim) != human or not self.authority(person)[0].roles:
            return
        if is_opted_out(sim):
            return
        self.hold(human, begin_session(person, now=self.now))

    @rule(human=humans, which=st.integers(0, 30))
    def open_a_link(self, human: int, which: int) -> None:
        links = self.humans[human].links
        if links:
            token, reach = links[-1 - which % len(links)]
            opened = self.tried(lambda: spend_link(token, now=self.now))
            if opened:
                self._is_of_age(token)
                self.hold(human, opened, reach, delayed=token in self.delayed)

    @rule(human=humans, which=st.integers(0, 30))
    def set_up_an_app(self, human: int, which: int) -> None:
        running = self.session_of(human, which)
        if running is not None:
            self.tried(lambda: self._set_up(human, running))

    @rule(human=humans, which=st.integers(0, 30))
    def give_the_second_factor(self, human: int, which: int) -> None:
        running = self.session_of(human, which)
        delayed = running is not None and running.token_hash in self.of_delayed
        for totp in self.humans[human].apps.values() if running else ():
            token = self.tried(
                lambda t=totp: verify_second_factor(
                    running, SecondFactorProof(typed=t.at(self.now)), now=self.now
                )
            )
            if isinstance(token, str):
                self.hold(human, token, delayed=delayed)
                return

    @rule(human=humans, which=st.integers(0, 30))
    def come_in(self, human: int, which: int) -> None:
        """A whole sign-in: the newest link, the app, or the code and the app. Most operations need one."""
        self.open_a_link(human, 0)
        self.set_up_an_app(human, 0)
        self.now += timedelta(minutes=1)  # an app's digits are good once
        self.sign_in_by_code(human, SIMS[2 * human + which % 2])
        self.give_the_second_factor(human, 0)

    # ---- What is done to others

    @rule(human=humans, which=st.integers(0, 30), sim=cards, role=roles, days=later, place=st.integers(0, 1))
    def invite(self, human: int, which: int, sim: str, role: RoleName, days: int, place: int) -> None:
        first = today(self.now) + timedelta(days=days)
        site = self.sites[place] if role in CHAIRS else None
        area = self.areas[place] if role is RoleName.ORGANIZER else None
        invitation = Invitation("Somebody", sim, role, site=site, area=area, from_on=first)
        self.operate(human, which, lambda how: invite(invitation, **how))

    @rule(human=humans, which=st.integers(0, 30), sim=cards)
    def make_a_fresh_link(self, human: int, which: int, sim: str) -> None:
        person = self.somebody(sim)
        if person is not None:
            self.operate(human, which, lambda how: fresh_link(person, **how))

    @rule(human=humans, which=st.integers(0, 30), sim=cards)
    def reset(self, human: int, which: int, sim: str) -> None:
        person = self.somebody(sim)
        if person is not None:
            self.operate(human, which, lambda how: start_anew(person, **how))

    @rule(human=humans, which=st.integers(0, 30), sim=cards, new=cards)
    def give_another_number(self, human: int, which: int, sim: str, new: str) -> None:
        person = self.somebody(sim)
        if person is not None:
            self.operate(human, which, lambda how: change_number(person, new, **how))

    @rule(new=cards)
    def the_first_admin_gives_an_organizer_another_number(self, new: str) -> None:
        for person in db.session.scalars(select(Person).order_by(Person.id)).all():
            if not any(term.role is RoleName.ADMIN for term in self.terms(person)):
                self.operate(0, 0, lambda how, who=person: change_number(who, new, **how))
                return

    @rule(human=humans, which=st.integers(0, 30), sim=cards, days=st.integers(0, 3))
    def change_the_days(self, human: int, which: int, sim: str, days: int) -> None:
        person, last = self.somebody(sim), today(self.now) + timedelta(days=days)
        for term in self.terms(person):
            self.operate(human, which, lambda how, t=term: set_term(t.id, None, last, **how))

    @rule(human=humans, which=st.integers(0, 30), sim=cards, days=st.integers(0, 2))
    def move_what_is_to_come_to_an_earlier_day(self, human: int, which: int, sim: str, days: int) -> None:
        """Whoever was made from a far day on is no stranger to who moved that day."""
        person, first = self.somebody(sim), today(self.now) + timedelta(days=days)
        for term in self.terms(person):
            held = [one for one in self.terms(person) if rank_of(one.role) >= rank_of(term.role)]

            def move(how: dict[str, Any], term: RoleTerm = term, alone: bool = len(held) == 1) -> None:
                was = term.from_on
                set_term(term.id, first, None, **how)
                if db.session.get_one(RoleTerm, term.id).from_on < was:
                    # Whoever holds as much by another role is made nothing new.
                    if alone:
                        mover = uuid.UUID(how["actor"].partition(":")[2])
                        self.movers.setdefault(term.person_id, set()).add(mover)
                    self.tally["moved to an earlier day"] += 1

            self.operate(human, which, move)

    @rule(human=humans, sim=cards, days=st.integers(0, 2))
    def make_an_organizer_from_a_far_day_and_move_it(self, human: int, sim: str, days: int) -> None:
        self.invite(human, 0, sim, RoleName.ORGANIZER, 60, 0)
        self.move_what_is_to_come_to_an_earlier_day(human, 0, sim, days)
        self.make_a_fresh_link(human, 0, sim)

    @rule(human=humans, which=st.integers(0, 30), sim=cards, for_cause=st.booleans())
    def end_a_role(self, human: int, which: int, sim: str, for_cause: bool) -> None:
        for term in self.terms(self.somebody(sim))[:1]:

            def end(how: dict[str, Any], term: RoleTerm = term) -> None:
                how.pop("stepped_up")
                end_role(term.id, for_cause=for_cause, **how)

            self.operate(human, which, end)

    @rule(human=humans, which=st.integers(0, 30), sim=cards, place=st.integers(0, 1), days=later)
    def bring_the_list_of_chairs(self, human: int, which: int, sim: str, place: int, days: int) -> None:
        def bring(how: dict[str, Any]) -> None:
            if how["scope"].everything:
                rows = f"site,role,name,phone\n{self.sites[place].code},chair,Somebody,{sim}\n"
                first = today(self.now) + timedelta(days=days)
                change = stage_chairs(rows.encode(), first, by=how["actor"], now=self.now)
                carry_out(change.id, by=how["actor"], now=self.now)

        self.operate(human, which, bring)

    @rule(sim=cards, new=cards)
    def a_member_gets_another_number(self, sim: str, new: str) -> None:
        """Change a member's number, as the page, the office, a roster and a reply do: it is nobody's way
        in."""
        before = {p.id: p.phone for p in db.session.scalars(select(Person))}
        member = make_member(phone=sim)
        self.tried(lambda: change_phone(member.id, new, by="shell", now=self.now))
        if before != {p.id: p.phone for p in db.session.scalars(select(Person))}:
            raise Broken("a member's number changed the number somebody signs in with")

    # ---- Two persons

    @rule(human=humans, which=st.integers(0, 30), thing=st.sampled_from(THINGS))
    def ask_for_a_second_person(self, human: int, which: int, thing: str) -> None:
        """In an area, where its organizers may agree too."""

        def ask(how: dict[str, Any]) -> None:
            area = self.areas[0].id
            if not how["scope"].everything and area not in how["scope"].areas:
                raise Refused("not_yours", "", status=403)
            approval = approvals.request_approval(
                ApprovalKind.PHONE_EXPORT,
                thing,
                Translated(en="x"),
                by=how["actor"],
                now=self.now,
                area_id=area,
            )
            self.askers.setdefault(approval.id, human)

        self.operate(human, which, ask)

    @rule(human=humans, which=st.integers(0, 30), thing=st.sampled_from(THINGS))
    def agree(self, human: int, which: int, thing: str) -> None:
        def say_yes(how: dict[str, Any]) -> None:
            approval = approvals.open_approval(ApprovalKind.PHONE_EXPORT, thing, now=self.now)
            if approval is not None:
                by, scope = how["actor"], how["scope"]
                approvals.approve(approval.id, by=by, scope=scope, stepped_up=True, now=self.now)
                self.seconds[approval.id] = human

        self.operate(human, which, say_yes)

    @rule(two=st.sampled_from([(0, 1), (1, 0), (0, 0), (1, 2), (2, 1)]), thing=st.sampled_from(THINGS))
    def ask_agree_and_spend(self, two: tuple[int, int], thing: str) -> None:
        """The whole of it, by two of them or by one under two names."""
        asker, second = two
        self.ask_for_a_second_person(asker, 0, thing)
        for which in range(2):
            self.agree(second, which, thing)
        self.spend_the_yes(thing)

    @rule(thing=st.sampled_from(THINGS))
    def spend_the_yes(self, thing: str) -> None:
        approval = approvals.open_approval(ApprovalKind.PHONE_EXPORT, thing, now=self.now)
        if approval is not None and self.tried(
            lambda: approvals.use(ApprovalKind.PHONE_EXPORT, thing, now=self.now)
        ):
            self.two_stood_behind(approval)

    @rule(human=humans, which=st.integers(0, 30))
    def agree_to_what_is_done_to_an_admin(self, human: int, which: int) -> None:
        for change, approval in list(open_changes(self.now))[:1]:

            def say_yes(
                how: dict[str, Any], change: AdminChange = change, approval: Approval = approval
            ) -> RoleAccess:
                how["by"] = how.pop("actor")
                access = agree_to_admin_change(change.id, **how)
                self.seconds[approval.id] = human
                self.two_stood_behind(approval)
                return access

            self.operate(human, which, say_yes, only_office=True)

    # ---- What must hold

    @invariant()
    def nobody_holds_power_that_was_given_to_another(self) -> None:
        for n, human in enumerate(self.humans):
            for token_hash in list(human.sessions):
                running = db.session.get(SignedInSession, token_hash)
                scope, is_organizer = self.power(running)
                if running is None or scope is None or holder_of(running.person.phone) == n:
                    continue
                if is_organizer and token_hash not in self.of_delayed:
                    raise Broken(f"human {n} is in as an organizer or admin whose phone another one holds")
                if not is_organizer and not scope.sites <= self.reach.get(
                    hash_token(human.sessions[token_hash]), frozenset()
                ):
                    raise Broken(f"human {n} is in as a chair of a site that they never looked after")

    # ---- The book

    def by_shell(self, sim: str, role: RoleName = RoleName.ADMIN) -> None:
        area = self.areas[0] if role is RoleName.ORGANIZER else None
        invitation = Invitation("Somebody", sim, role, area=area)
        self.perform(None, lambda: invite(invitation, scope=THE_OFFICE, actor="shell", now=self.now))

    def operate(
        self, human: int, which: int, what: Callable[[dict[str, Any]], Any], *, only_office: bool = False
    ) -> None:
        """Something an organizer or admin does who is in, with a fresh step-up; other sessions do nothing."""
        if self.session_of(human, which, powerful=True) is None:
            self.come_in(human, which)
        running = self.session_of(human, which, powerful=True)
        scope, is_organizer = self.power(running)
        if running is None or scope is None or not is_organizer or (only_office and not scope.everything):
            return
        actor = f"person:{running.person_id}"
        before = set(db.session.scalars(select(Approval.id)))
        self.perform(human, lambda: what(self._how(scope, actor)), scope)
        for approval in db.session.scalars(select(Approval).where(Approval.id.not_in(before))):
            self.askers.setdefault(approval.id, human)

    def _how(self, scope: Scope, actor: str) -> dict[str, Any]:
        return {"scope": scope, "actor": actor, "now": self.now, "stepped_up": True}

    def perform(self, human: int | None, what: Callable[[], Any], scope: Scope | None = None) -> None:
        """Do it; whoever sees a link, on the page or on their phone, has it, and so has whom it is for."""
        access = self.tried(what)
        if isinstance(access, RoleAccess) and access.token:
            reach = frozenset(s.id for s in self.sites if scope is None or scope.sees(s))
            if access.method is AccessMethod.WAITS:
                self.delayed[access.token] = self._announced_at()
            for seen_by in {human, holder_of(access.person.phone)} - {None}:
                self.humans[seen_by].links.append((access.token, reach))
        self._read_texts()

    def _announced_at(self) -> datetime:
        """When everybody was told of what was done just now: when a second admin was asked for, else now."""
        query = select(Approval.asked_at).where(Approval.used_at == self.now).order_by(Approval.asked_at)
        return db.session.scalar(query) or self.now

    def _read_texts(self) -> None:
        texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
        for sent in texts[self.texts_read :]:
            reader = holder_of(sent.to)
            if sent.wording == "invitation" and reader is not None:
                token = json.loads(sent.merge_fields)["link"].rpartition("/")[2]
                self.humans[reader].links.append((token, frozenset(s.id for s in self.sites)))
        self.texts_read = len(texts)

    def tried(self, what: Callable[[], Any]) -> Any:
        """The result; False where it is refused."""
        try:
            result = what()
            self.done += 1
            return True if result is None else result
        except Refused:
            db.session.rollback()
            return False

    def hold(
        self, human: int, token: str, reach: frozenset[uuid.UUID] = frozenset(), *, delayed: bool = False
    ) -> None:
        self.humans[human].sessions[hash_token(token)] = token
        self.reach[hash_token(token)] = reach
        if delayed:
            self.of_delayed.add(hash_token(token))
            self.tally["came in by a link of yesterday"] += 1

    def _is_of_age(self, token: str) -> None:
        """Whoever makes an organizer whom no text reaches sees the link; everybody has a day to stop it."""
        if token in self.delayed and self.now < self.delayed[token] + timedelta(hours=24):
            raise Broken("a link that was displayed to its maker opened within a day of being announced")

    def session_of(self, human: int, which: int, *, powerful: bool = False) -> SignedInSession | None:
        """One of the sessions this human holds that still run, the newest for 0; or of those that open more
        than a chapter."""
        running = [
            row
            for token_hash in self.humans[human].sessions
            if (row := db.session.get(SignedInSession, token_hash)) is not None
            and row.ended_at is None
            and row.ends_at > self.now
            and (not powerful or self.power(row)[1])
        ]
        return running[-1 - which % len(running)] if running else None

    def power(self, running: SignedInSession | None) -> tuple[Scope | None, bool]:
        """The power of a session: (scope, is it an organizer's or admin's)."""
        if running is None or running.ended_at is not None or running.ends_at <= self.now:
            return None, False
        scope, of = self.authority(running.person)
        if not scope.roles or is_over(running, of) or is_half_in(running, of):
            return None, False
        return scope, of.is_organizer

    def authority(self, person: Person) -> Any:
        return scope_and_authority(person, self.now)

    def person(self, sim: str) -> Person | None:
        return db.session.scalar(select(Person).where(Person.phone_index == blind_index("phone", sim)))

    def somebody(self, sim: str) -> Person | None:
        """Whoever signs in with this number, or else somebody who signs in at all."""
        people = db.session.scalars(select(Person).order_by(Person.id)).all()
        person = self.person(sim)
        return person or (people[SIMS.index(sim) % len(people)] if people else None)

    def terms(self, person: Person | None) -> list[RoleTerm]:
        if person is None:
            return []
        return list(db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == person.id)))

    def two_stood_behind(self, approval: Approval) -> None:
        """A yes was spent: two humans stood behind it, or a lone admin whom nobody could have answered."""
        db.session.refresh(approval)
        if approval.state is not ApprovalState.USED:
            return
        asker, second = self.askers.get(approval.id), self.seconds.get(approval.id)
        if asker != second or approval.asked_by == approval.decided_by:
            return
        if not self._given_by_others(approval.asked_by, asker) or not self._given_by_others(
            approval.decided_by, asker
        ):
            raise Broken(f"human {asker} asked, and agreed under another name of their own making")

    def _given_by_others(self, actor: str | None, human: int | None) -> bool:
        """Did somebody else give this human that name too? A second SIM is then two persons, openly."""
        person_id = uuid.UUID((actor or "").partition(":")[2])
        rows = db.session.scalars(select(Sponsorship).where(Sponsorship.person_id == person_id)).all()
        makers = {row.sponsor_id for row in rows} | self.movers.get(person_id, set())
        return all(holder_of(db.session.get_one(Person, maker).phone) != human for maker in makers)

    def _set_up(self, human: int, running: SignedInSession) -> None:
        before = running.token_hash  # setting up gives the session another token
        reach, delayed = self.reach.get(before, frozenset()), before in self.of_delayed
        app = start_app(running.person, now=self.now)
        totp = pyotp.TOTP(app.secret)
        # Whoever is in has just shown a step-up; the view asks for it.
        token = set_up_app(running, totp.at(self.now), now=self.now)
        self.humans[human].apps[app.id] = totp
        self.hold(human, token, reach, delayed=delayed)
