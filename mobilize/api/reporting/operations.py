"""Check-ins that a program reports: the same requests, decided and stored the same way, as of a line's phone.

A member by id is vouched for, as by a tick. Whoever is named by a number or in words is a walk-in, and
whether that is a member's number is told to nobody.
"""

import threading
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from cachetools import TTLCache
from sqlalchemy import Uuid, bindparam, select

from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.api.idempotency import key_reused, nonce_of
from mobilize.api.reporting.event_facts import EventFacts
from mobilize.api.reporting.forms import CheckInReport
from mobilize.api.schemas import StoredOut
from mobilize.checkins.line.queries import listed_of
from mobilize.checkins.member.event_cache import MOST_EVENTS
from mobilize.checkins.member.offline_queue import TRUSTED_FOR
from mobilize.checkins.models import CheckInKind, Method, Outcome
from mobilize.checkins.record.attendance import derive_attendance
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.identifiers import read_typed_or_name
from mobilize.checkins.record.operations import CheckInResult, Undo, check_in, check_in_all
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.fast.statements import CachedStatement, retried, run
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, Site


def report_check_in(
    event: EventFacts, report: CheckInReport, *, access: TokenAccess, key: str, now: datetime
) -> StoredOut:
    """Store one check-in. The same key and report again gives the same answer.

    Refused: who (422, neither or both of member and typed), no_member (404, outside the token's view),
    unreadable, nonce_reused.
    """
    visible = _visible([report.member] if report.member else [], event, access)
    request = _request(event, report, visible, access, key, now)
    try:
        done = _undo(request, access, now) if report.undo else check_in(request, now=now)
    except Refused as refusal:
        raise _about_the_key(refusal) from None
    return _stored(event, request, key, done, access)


def _undo(request: CheckInRequest, access: TokenAccess, now: datetime) -> CheckInResult:
    changed: set[uuid.UUID] = set()
    with atomic():
        [done] = check_in_all([Undo(request)], actor=access.actor, now=now, changed=changed)
        derive_attendance(request.event_id, changed)
    if isinstance(done, Refused):
        raise done
    return done


def report_check_ins(
    event: EventFacts,
    reports: Sequence[tuple[str, CheckInReport]],
    *,
    access: TokenAccess,
    now: datetime,
) -> list[StoredOut]:
    """Store many check-ins, (key, report) each, in one transaction and a few statements. One that is declined
    says why and harms no other; sent again, each gives the same answer."""
    visible = _visible([one.member for _key, one in reports if one.member], event, access)
    answers: dict[int, StoredOut] = {}
    by_place: dict[int, CheckInRequest] = {}
    for n, (key, report) in enumerate(reports):
        try:
            by_place[n] = _request(event, report, visible, access, key, now)
        except Refused as refusal:
            answers[n] = _declined(key, refusal)
    changed: set[uuid.UUID] = set()
    requests = [Undo(request) if reports[n][1].undo else request for n, request in by_place.items()]
    with atomic():
        results = check_in_all(requests, actor=access.actor, now=now, changed=changed)
        derive_attendance(event.id, changed)
    for (n, request), done in zip(by_place.items(), results, strict=True):
        key = reports[n][0]
        if isinstance(done, Refused):
            answers[n] = _declined(key, _about_the_key(done))
        else:
            answers[n] = _stored(event, request, key, done, access)
    return [answers[n] for n in range(len(reports))]


def _visible(members: Collection[uuid.UUID], event: EventFacts, access: TokenAccess) -> set[uuid.UUID]:
    """Those of these members whom the token sees, or who stand on the event's list."""
    if not members:
        return set()
    listed = _list_of(event).intersection(members)
    if len(listed) == len(set(members)):
        return set(listed)
    rows = retried(lambda: run(_AREAS_OF, {"members": list(members)}))
    scope = access.scope
    visible = {member for member, area_id in rows if scope.everything or area_id in scope.areas}
    rest = {member for member, _area_id in rows} - visible
    return visible | listed_of(event.id, rest) if rest else visible


def _list_of(event: EventFacts) -> frozenset[uuid.UUID]:
    """The list of a site's line, half a minute old at most: whoever left it since is decided about as anybody
    who is on no roster. A rally's is as long as the roster, and is not kept."""
    if event.site_id is None:
        return frozenset()
    with _lock:
        listed = _lists.get(event.id)
    if listed is None:
        listed = frozenset(listed_of(event.id))
        with _lock:
            _lists[event.id] = listed
    return listed


def _areas_of() -> Any:
    """Each of these members who is on the roster, with the areas of their sites."""
    open_ones = (Membership.member_id == Member.id) & Membership.to_at.is_(None)
    members = select(Member.id, Site.area_id).outerjoin(Membership, open_ones)
    on_it = Member.gone_on.is_(None), Member.erased_at.is_(None)
    chosen = Member.id.in_(bindparam("members", expanding=True, type_=Uuid()))
    return members.outerjoin(Site, Site.id == Membership.site_id).where(chosen, *on_it)


_AREAS_OF = CachedStatement(_areas_of)
# Nearly all whom a program reports stand on the list: they cost one look-up together instead of one each.
_lists: TTLCache[uuid.UUID, frozenset[uuid.UUID]] = TTLCache(MOST_EVENTS, 30)
_lock = threading.Lock()


def _request(
    event: EventFacts,
    report: CheckInReport,
    visible: Collection[uuid.UUID],
    access: TokenAccess,
    key: str,
    now: datetime,
) -> CheckInRequest:
    if (report.member is None) == (report.typed is None):
        raise Refused("who", _("Say who it is: `member`, or `typed`, and not both."))
    if report.undo and (report.member is None or report.left):
        raise Refused("who", _("Only a tick is taken back: say whose, by `member`."))
    if report.member is not None and report.member not in visible:
        raise Refused("no_member", _("There is no such member."), status=404)
    return CheckInRequest(
        event_id=event.id,
        nonce=nonce_of(access, key),
        body=report.content,
        method=Method.WALKIN if report.typed else Method.TICK,
        happened_at=min(report.at or now, now),
        member_id=report.member,
        typed=read_typed_or_name(report.typed) if report.typed is not None else None,
        # The token stands where a line's phone has its grant.
        grant_id=access.id,
        needs_review=_is_late(event, now),
        kind=CheckInKind.LEFT if report.left else CheckInKind.HERE,
        duty=report.duty,
    )


def _stored(
    event: EventFacts, request: CheckInRequest, key: str, done: CheckInResult, access: TokenAccess
) -> StoredOut:
    return StoredOut(key=key, stored=True, outcome=_answered_outcome(event, request, done, access))


def _answered_outcome(
    event: EventFacts, request: CheckInRequest, done: CheckInResult, access: TokenAccess
) -> Outcome:
    """Of somebody named by a number only what follows from the event and from when it first came, and so is
    the same whenever it comes again; and that a member was in already only to a token that may read who
    came."""
    if done.outcome is Outcome.OUTSIDE_HOURS:
        return done.outcome
    if request.typed is None:
        is_told = done.outcome is not Outcome.REPEAT or access.may(ApiScope.NAMES)
        return done.outcome if is_told else Outcome.COUNTED
    first_at = done.recorded_at
    kept = event.took_none(first_at) or _is_late(event, first_at)
    return Outcome.UNRESOLVED if kept else Outcome.WALKUP


def _is_late(event: EventFacts, at: datetime) -> bool:
    return at > event.ends_at + TRUSTED_FOR


def _about_the_key(refusal: Refused) -> Refused:
    return key_reused() if refusal.code == "nonce_reused" else refusal


def _declined(key: str, refusal: Refused) -> StoredOut:
    return StoredOut(
        key=key, stored=False, outcome=Outcome.UNRESOLVED, error=refusal.code, detail=refusal.message
    )
