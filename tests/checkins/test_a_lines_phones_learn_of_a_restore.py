"""The answers to a line's phones name another epoch once a backup was put back."""

import pytest

from mobilize import clock
from mobilize.backup import gaps
from mobilize.checkins.record.operations import mark_changed
from mobilize.database import atomic
from tests.checkins.morning import grant_for

pytestmark = pytest.mark.usefixtures("in_the_morning")


def epoch(client, event, etag=None):
    answer = client.get(f"/line/{event.code}/state", headers={"If-None-Match": etag} if etag else {})
    return answer.status_code, (answer.json or {}).get("epoch"), answer.headers["ETag"]


def test_it_stays_while_nothing_is_lost_and_changes_with_each_loss(client, event):
    client.set_cookie(f"line-{event.code}", grant_for(event)[1], domain="localhost")
    with atomic():
        mark_changed(event.id)
    gaps.look()
    _status, first, etag = epoch(client, event)
    assert first == ""
    assert epoch(client, event, etag)[0] == 304
    gaps.mark_restored(clock.now())
    status, second, etag = epoch(client, event, etag)
    assert status == 200 and second
    gap = gaps.open_gap()
    assert gap
    gaps.note_replayed(gap.id)
    gaps.note_log_read(gap.id, is_loss=False)
    assert epoch(client, event, etag)[0] == 304
    gaps.mark_restored(clock.now())
    status, third, _etag = epoch(client, event, etag)
    assert status == 200 and third not in (first, second)
