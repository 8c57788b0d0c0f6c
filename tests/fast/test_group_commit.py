"""Work that threads bring at once is done in one go, and everybody gets what is theirs."""

import threading

import pytest

from mobilize.fast.group_commit import GroupCommit


class Workshop:
    """Doubles numbers, slowly the first time, and remembers which groups it was given."""

    def __init__(self):
        self.groups, self.begun, self.go_on = [], threading.Event(), threading.Event()

    def __call__(self, numbers):
        self.groups.append(list(numbers))
        self.begun.set()
        self.go_on.wait(5)
        if 13 in numbers:
            raise ValueError("13")
        if 404 in numbers:
            raise ConnectionError("away")
        return [number * 2 for number in numbers]


def bring(commits, workshop, first, others):
    """`first` is being worked on when the others come; what each is told."""
    results = {}

    def do(number):
        try:
            results[number] = commits.submit(number)
        except Exception as error:
            results[number] = type(error)

    threads = [threading.Thread(target=do, args=(number,)) for number in (first, *others)]
    threads[0].start()
    assert workshop.begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    while len(commits._waiting) < len(others):
        threading.Event().wait(0.001)
    workshop.go_on.set()
    for thread in threads:
        thread.join(5)
    return results


@pytest.fixture
def workshop():
    return Workshop()


@pytest.fixture
def commits(workshop):
    return GroupCommit(workshop, limit=3, is_for_all=lambda error: isinstance(error, ConnectionError))


def test_who_comes_while_a_group_is_under_way_is_the_next_group(commits, workshop):
    assert bring(commits, workshop, 1, [2, 3, 4, 5]) == {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}
    assert workshop.groups[0] == [1]
    assert [len(group) for group in workshop.groups] == [1, 3, 1]
    assert not commits._is_under_way


def test_one_alone_does_not_wait(commits, workshop):
    workshop.go_on.set()
    assert [commits.submit(n) for n in (1, 2)] == [2, 4]
    assert workshop.groups == [[1], [2]]


def test_a_bad_one_harms_only_itself(commits, workshop):
    assert bring(commits, workshop, 1, [2, 13, 3]) == {1: 2, 2: 4, 13: ValueError, 3: 6}


def test_what_would_meet_everybody_is_told_to_everybody_once(commits, workshop):
    results = bring(commits, workshop, 1, [2, 404])
    assert results == {1: 2, 2: ConnectionError, 404: ConnectionError}
    assert len(workshop.groups) == 2


def test_a_thread_that_is_ended_leaves_nobody_waiting(workshop):
    def ends(numbers):
        workshop(numbers)
        raise SystemExit

    commits = GroupCommit(ends, limit=3, is_for_all=lambda error: False)
    results = []

    def do():
        with pytest.raises(SystemExit):
            commits.submit(1)
        results.append(True)

    workshop.go_on.set()
    for _ in range(2):
        thread = threading.Thread(target=do)
        thread.start()
        thread.join(5)
    assert results == [True, True]
