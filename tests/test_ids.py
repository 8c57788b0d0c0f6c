"""Ids are made by us: unguessable, and in the order in which they were made, except those of people."""

import time
from concurrent.futures import ThreadPoolExecutor

from mobilize.accounts.models import Person
from mobilize.database import new_id
from mobilize.roster.models import Member


def test_a_later_id_is_the_greater_one_however_fast_they_come() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(ids) and len(set(ids)) == 5000


def test_ids_made_at_once_differ() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: new_id(), range(5000)))
    assert len(set(ids)) == 5000


def test_an_id_is_a_uuid_of_version_seven_and_says_when_it_was_made() -> None:
    ids = new_id()
    assert ids.version == 7 and ids.variant == "specified in RFC 4122"
    assert abs((ids.int >> 80) - time.time_ns() // 1_000_000) < 1000


def test_the_id_of_a_member_or_person_says_nothing_of_when_it_was_made() -> None:
    for model in (Member, Person):
        ids = [model().id for _ in range(1000)]
        assert {one.version for one in ids} == {4} and len(set(ids)) == 1000
        assert ids != sorted(ids)
