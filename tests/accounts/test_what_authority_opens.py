"""The moment from which a link, a session or a second factor opens a role, by terms alone: no database."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mobilize.accounts.access.authority import (
    EVER,
    WAIT,
    PersonAuthority,
    RoleRank,
    authority_of_terms,
    begins_at,
    counts,
    may_agree,
    may_agree_to_admin,
    opens,
    raises,
    rank_of,
)
from mobilize.accounts.models import LinkKind, RoleName, RoleTerm, SignInBy

ZONE = "America/Los_Angeles"
# Midnight in Los Angeles, and noon.
MIDNIGHT = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=12)
TODAY = date(2026, 3, 3)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def term(role: str, begin: int = 0, end: int | None = None, granted_at: datetime = EVER) -> RoleTerm:
    """A role from so many days after today to before others."""
    to_on = None if end is None else TODAY + end * DAY
    return RoleTerm(role=RoleName(role), from_on=TODAY + begin * DAY, to_on=to_on, granted_at=granted_at)


def of(*terms: RoleTerm, now: datetime = NOW, restarted_at: datetime | None = None) -> PersonAuthority:
    return authority_of_terms(terms, restarted_at, now=now, zone=ZONE)


def test_an_admin_outranks_an_organizer_and_both_chairs() -> None:
    ranks = [rank_of(RoleName(role)) for role in ("chair", "cochair", "organizer", "admin")]
    assert ranks == [RoleRank.CHAIR, RoleRank.CHAIR, RoleRank.ORGANIZER, RoleRank.ADMIN]
    assert RoleRank.NONE < RoleRank.CHAIR < RoleRank.ORGANIZER < RoleRank.ADMIN
    assert [PersonAuthority(rank, EVER, EVER).is_organizer for rank in RoleRank] == [False, False, True, True]


def test_a_role_begins_with_its_day_on_the_unions_clock_and_never_before_it_was_given() -> None:
    assert begins_at(term("admin"), ZONE) == MIDNIGHT
    assert begins_at(term("admin", granted_at=NOW), ZONE) == NOW
    assert begins_at(term("admin"), "UTC") == MIDNIGHT - timedelta(hours=8)


def test_the_highest_role_that_runs_is_the_rank() -> None:
    assert of().rank is RoleRank.NONE
    assert of(term("chair"), term("organizer")).rank is RoleRank.ORGANIZER
    assert of(term("chair"), term("admin", begin=1)).rank is RoleRank.CHAIR
    assert of(term("admin", begin=-9, end=0), term("chair")).rank is RoleRank.CHAIR


def test_a_role_runs_from_its_first_moment_to_before_its_last() -> None:
    role = term("admin", begin=0, end=1)
    moments = [MIDNIGHT - SECOND, MIDNIGHT, MIDNIGHT + DAY - SECOND, MIDNIGHT + DAY]
    assert [of(role, now=now).rank for now in moments] == [
        RoleRank.NONE,
        RoleRank.ADMIN,
        RoleRank.ADMIN,
        RoleRank.NONE,
    ]


def test_nothing_older_than_an_organizers_role_opens_it_and_a_chairs_is_opened_by_anything() -> None:
    assert of(term("organizer", begin=-3)).trusted_from == MIDNIGHT - 3 * DAY
    assert of(term("chair", begin=-3)).trusted_from == EVER
    assert of(term("chair", begin=-3), term("cochair", begin=-2)).newest == MIDNIGHT - 2 * DAY
    assert of().newest == of().trusted_from == EVER


@pytest.mark.parametrize(
    ("terms", "since"),
    [
        ([("organizer", -9, -3), ("organizer", -3, None)], -9),  # one after the other
        ([("organizer", -9, -3), ("organizer", -5, None)], -9),  # one beside the other
        ([("organizer", -9, -4), ("organizer", -3, None)], -3),  # a day between them
        ([("admin", -9, -3), ("organizer", -3, None)], -9),  # a higher one before
        ([("organizer", -9, -3), ("admin", -3, None)], -3),  # a lower one before
        ([("organizer", -9, None), ("organizer", -3, None)], -9),
        ([("organizer", -20, -9), ("organizer", -9, -3), ("organizer", -3, None)], -20),
        ([("organizer", -20, -10), ("organizer", -9, -3), ("organizer", -3, None)], -9),
    ],
)
def test_a_rank_that_was_held_without_a_gap_is_trusted_since_it_began(
    terms: list[tuple[str, int, int | None]], since: int
) -> None:
    assert of(*(term(*one) for one in terms)).trusted_from == MIDNIGHT + since * DAY


def test_a_restart_makes_everything_older_worthless_and_an_older_one_changes_nothing() -> None:
    assert of(term("chair"), restarted_at=NOW).trusted_from == NOW
    assert of(term("organizer"), restarted_at=NOW - 9 * DAY).trusted_from == MIDNIGHT


@pytest.mark.parametrize(
    ("held", "rank", "lifts"),
    [
        ([], "chair", True),
        ([("chair", 0, None)], "chair", False),
        ([("chair", 0, None)], "organizer", True),
        ([("admin", 0, None)], "organizer", False),
        ([("organizer", 2, None)], "organizer", True),  # begins only after it
        ([("organizer", 1, None)], "organizer", False),
        ([("organizer", -5, 1)], "organizer", False),  # ends when it begins
        ([("organizer", -5, 0)], "organizer", True),
    ],
)
def test_a_role_raises_whoever_would_hold_less_when_it_begins(
    held: list[tuple[str, int, int | None]], rank: str, lifts: bool
) -> None:
    new = term(rank, begin=1)
    assert raises([*(term(*one) for one in held), new], new, ZONE) is lifts


def test_what_somebody_got_before_they_were_trusted_opens_nothing() -> None:
    admin = PersonAuthority(RoleRank.ADMIN, NOW, NOW)
    for by in (SignInBy.CODE, LinkKind.TEXTED):
        assert opens(admin, by, NOW) and not opens(admin, by, NOW - SECOND)
    assert not opens(PersonAuthority(RoleRank.NONE, EVER, EVER), SignInBy.CODE, NOW)
    assert counts(admin, NOW) and not counts(admin, NOW - SECOND)


@pytest.mark.parametrize("by", [SignInBy.DISPLAYED, LinkKind.DISPLAYED])
def test_what_its_maker_saw_opens_only_the_chairs_roles_that_ran_already(by: SignInBy | LinkKind) -> None:
    chair = PersonAuthority(RoleRank.CHAIR, EVER, NOW)
    assert opens(chair, by, NOW) and not opens(chair, by, NOW - SECOND)
    assert opens(chair, SignInBy.CODE, NOW - SECOND)
    for rank in (RoleRank.NONE, RoleRank.ORGANIZER, RoleRank.ADMIN):
        assert not opens(PersonAuthority(rank, EVER, NOW), by, NOW)


def test_a_second_person_is_an_organizer_or_admin_of_a_day() -> None:
    for rank in RoleRank:
        old, new = PersonAuthority(rank, NOW - WAIT, EVER), PersonAuthority(rank, NOW - WAIT + SECOND, EVER)
        assert may_agree(old, now=NOW) is (rank >= RoleRank.ORGANIZER) and not may_agree(new, now=NOW)
    assert timedelta(hours=24) == WAIT


def test_what_is_done_to_an_admin_wants_an_admin_with_the_same_second_factor_a_day_before() -> None:
    before, late = NOW - WAIT, NOW - WAIT + SECOND
    ada = PersonAuthority(RoleRank.ADMIN, before, EVER)
    assert may_agree_to_admin(ada, [before - DAY, before], asked_at=NOW)
    assert not may_agree_to_admin(ada, [before, late], asked_at=NOW)
    assert not may_agree_to_admin(ada, [], asked_at=NOW)
    assert not may_agree_to_admin(PersonAuthority(RoleRank.ADMIN, late, EVER), [before], asked_at=NOW)
    assert not may_agree_to_admin(PersonAuthority(RoleRank.ORGANIZER, before, EVER), [before], asked_at=NOW)
