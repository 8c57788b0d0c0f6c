"""Replay of the journal after a restore: what was taken away in the lost minutes is taken away again.

Each line once (`replayed_entries`), in the order in which they were written; until all were read
nothing leaves but new codes, emergencies and confirmations of opt-outs. A line whose row is not here waits
for a day: phones of a line send again what they hold, and a check-in that was taken back must not count when
it comes.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select, update

from mobilize import audit, settings
from mobilize.accounts.access import grants
from mobilize.accounts.models import RoleTerm
from mobilize.accounts.people.operations import repeat_end
from mobilize.accounts.second_factor import recovery_codes
from mobilize.accounts.second_factor.operations import repeat_forget, repeat_remove
from mobilize.accounts.sign_in import one_time_links, sessions
from mobilize.accounts.sign_in.role_links import repeat_number
from mobilize.accounts.tokens.models import ApiToken
from mobilize.accounts.tokens.operations import repeat_revoke
from mobilize.actions.models import Action, Event
from mobilize.actions.operations import call_off_action, repeat_move
from mobilize.backup import gaps, journal
from mobilize.backup.gaps import GapReason, RecoveryGap
from mobilize.backup.journal import Entry, ReplayedEntry
from mobilize.checkins.calendar import feeds
from mobilize.checkins.member.personal_links import end_links
from mobilize.checkins.record.operations import repeat_voids
from mobilize.database import atomic, db, insert
from mobilize.errors import Refused
from mobilize.keys.crypto import CannotOpen
from mobilize.privacy.photos.operations import repeat_delete
from mobilize.privacy.retention.erasure import erase_member
from mobilize.reminders.inbox.wrong_numbers import repeat_take_off
from mobilize.roster.models import Member
from mobilize.texts.consent.suppressions import repeat_opt_out
from mobilize.texts.models import Consent, ConsentKind
from mobilize.turnout.statements.operations import close_link

# Clocks differ, and what was under way when the backup was made is in none.
OVERLAP = timedelta(minutes=10)
WAITS_FOR = timedelta(hours=24)
UNREADABLE = "journal_unreadable"
BY = "worker"


@dataclass
class ReplayCounts:
    """The counts of one replay."""

    replayed: int = 0
    waiting: int = 0


def replay(*, now: datetime) -> ReplayCounts:
    """Replay what is in the journal since the last gap began; nothing where there was none for a day. Safe to
    run twice and at once: each line is replayed once."""
    counts = ReplayCounts()
    gap = gaps.latest_gap()
    if gap is None or (gap.closed_at and gap.closed_at < now - WAITS_FOR):
        return counts
    gap_id, from_at, is_replayed = gap.id, gap.from_at, gap.replayed_at is not None
    try:
        for entry in _entries(from_at, gap.reason):
            _replay(entry, counts, now)
    except (CannotOpen, OSError):
        if not is_replayed:
            gaps.note_trouble(gap_id, UNREADABLE)
        return counts
    if not is_replayed:
        with atomic():
            audit.note(BY, "journal.replay", f"{gap_id} {counts.replayed}", now=now)
            gaps.note_replayed(gap_id)
    return counts


def gap_is_recent(now: datetime) -> Select[Any]:
    """SELECT of a gap that is open, or closed within a day and not for nothing."""
    recent = RecoveryGap.is_loss & (RecoveryGap.closed_at > now - WAITS_FOR)
    return select(RecoveryGap.id).where(or_(RecoveryGap.closed_at.is_(None), recent))


def _entries(from_at: datetime, reason: GapReason) -> Iterator[Entry]:
    """Of a folder that is not there: none, where nothing says that a backup was put back. After that the
    journals that the backup knows have to be there."""
    if reason is GapReason.RESTORED and journal.lost():
        raise FileNotFoundError(settings().journal_folder)
    try:
        if journal.is_kept():
            yield from journal.entries(from_at - OVERLAP)
    except FileNotFoundError:
        if reason is GapReason.RESTORED:
            raise


def _replay(entry: Entry, counts: ReplayCounts, now: datetime) -> None:
    if entry.kind not in HANDLERS or journal.is_replayed(entry):
        return
    try:
        with atomic() as session, journal.replaying():
            if not HANDLERS[entry.kind](entry.payload, entry.at):
                counts.waiting += 1
                return
            row = insert(ReplayedEntry).values(id=entry.id, replayed_at=now)
            session.execute(row.on_conflict_do_nothing())
        counts.replayed += 1
    except Refused:
        counts.waiting += 1


def _withdraw_consent(payload: dict[str, Any], at: datetime) -> bool:
    phone_index, kind = bytes.fromhex(payload["phone"]), ConsentKind(payload["of"])
    values = {"id": uuid.UUID(payload["consent"]), "phone_index": phone_index, "kind": kind, "granted": False}
    how, wording = payload["how"], payload["wording"]
    with atomic() as session:
        row = insert(Consent).values(**values, at=at, how=how, wording=wording)
        session.execute(row.on_conflict_do_nothing())
        if kind is ConsentKind.TEXTS:
            repeat_opt_out(phone_index, source=how, wording=wording, now=at)
            return True
        agreed = Member.phone_index == phone_index, Member.urgent_ok_at <= at
        session.execute(update(Member).where(*agreed).values(urgent_ok_at=None, urgent_off_at=at))
        return True


def _erase(payload: dict[str, Any], at: datetime) -> bool:
    member = db.session.get(Member, uuid.UUID(payload["member"]))
    if member is None and payload["number"]:
        of_number = Member.number_index == bytes.fromhex(payload["number"])
        member = db.session.scalar(select(Member).where(of_number))
    if member is None:
        return False
    erase_member(member.id, by=payload["by"], now=at, stop_texts=payload["stop"])
    return True


def _end_role(payload: dict[str, Any], at: datetime) -> bool:
    term = db.session.get(RoleTerm, uuid.UUID(payload["term"]))
    if term is not None:
        to_on = date.fromisoformat(payload["to_on"])
        repeat_end(term, to_on, for_cause=payload["cause"], actor=payload["by"], now=at)
    return True


def _end_grants(payload: dict[str, Any], at: datetime) -> bool:
    revoked, ended = ([uuid.UUID(one) for one in payload[key]] for key in ("revoked", "ended"))
    grants.repeat_end(uuid.UUID(payload["event"]), revoked, ended, by=BY, now=at)
    return True


def _end_sessions(payload: dict[str, Any], at: datetime) -> bool:
    token = bytes.fromhex(payload["token"]) if payload["token"] else None
    sessions.repeat_end(uuid.UUID(payload["person"]), token, now=at)
    return True


def _remove_factor(payload: dict[str, Any], at: datetime) -> bool:
    repeat_remove(uuid.UUID(payload["factor"]))
    return True


def _forget_factors(payload: dict[str, Any], at: datetime) -> bool:
    repeat_forget(uuid.UUID(payload["person"]), now=at)
    return True


def _use_recovery_code(payload: dict[str, Any], at: datetime) -> bool:
    recovery_codes.repeat_use(uuid.UUID(payload["person"]), bytes.fromhex(payload["code"]), now=at)
    return True


def _end_recovery_codes(payload: dict[str, Any], at: datetime) -> bool:
    recovery_codes.repeat_end(uuid.UUID(payload["person"]), now=at)
    return True


def _change_number(payload: dict[str, Any], at: datetime) -> bool:
    if payload["old"] and not audit.is_noted("person.number", payload["person"], at=at):
        repeat_number(uuid.UUID(payload["person"]), bytes.fromhex(payload["old"]))
    return True


def _take_wrong_number(payload: dict[str, Any], at: datetime) -> bool:
    inbound_id, phone_index = uuid.UUID(payload["inbound"]), bytes.fromhex(payload["phone"])
    repeat_take_off(inbound_id, phone_index, by=payload["by"], now=at)
    return True


def _end_calendars(payload: dict[str, Any], at: datetime) -> bool:
    feeds.repeat_end(uuid.UUID(payload["person"]), payload["times"])
    return True


def _revoke_token(payload: dict[str, Any], at: datetime) -> bool:
    token = db.session.get(ApiToken, uuid.UUID(payload["token"]))
    if token is not None:
        repeat_revoke(token, by=payload["by"], now=at)
    return True


def _spend_link(payload: dict[str, Any], at: datetime) -> bool:
    one_time_links.repeat_spend(bytes.fromhex(payload["token"]), now=at)
    return True


def _call_off(payload: dict[str, Any], at: datetime) -> bool:
    action = db.session.get(Action, uuid.UUID(payload["action"]))
    if action is not None:
        call_off_action(action, actor=payload["by"], now=at)
    return True


def _move(payload: dict[str, Any], at: datetime) -> bool:
    event = db.session.get(Event, uuid.UUID(payload["event"]))
    if event is not None:
        times = [datetime.fromisoformat(payload[key]) for key in ("starts_at", "ends_at")]
        values = (times[0], times[1], payload["meet_at"], payload["venue"])
        repeat_move(event, values, payload["version"], actor=payload["by"], now=at)
    return True


def _void(payload: dict[str, Any], at: datetime) -> bool:
    reasons = {bytes.fromhex(nonce): reason for nonce, reason in payload["taken"]}
    return repeat_voids(uuid.UUID(payload["event"]), reasons, actor=payload["by"], now=at)


def _delete_photo(payload: dict[str, Any], at: datetime) -> bool:
    repeat_delete(uuid.UUID(payload["event"]), bytes.fromhex(payload["count"]), by=payload["by"], now=at)
    return True


def _end_personal_links(payload: dict[str, Any], at: datetime) -> bool:
    member_id = uuid.UUID(payload["member"])
    if db.session.get(Member, member_id) is None:
        return False
    end_links(member_id, actor=payload["by"], now=at)
    return True


def _close_statement(payload: dict[str, Any], at: datetime) -> bool:
    close_link(uuid.UUID(payload["action"]), payload["by"], at)
    return True


HANDLERS: dict[str, Callable[[dict[str, Any], datetime], bool]] = {
    "consent.withdraw": _withdraw_consent,
    "member.erase": _erase,
    "member.end_links": _end_personal_links,
    "role.end": _end_role,
    "grant.end": _end_grants,
    "session.end": _end_sessions,
    "link.spend": _spend_link,
    "second_factor.remove": _remove_factor,
    "second_factor.forget": _forget_factors,
    "recovery_code.use": _use_recovery_code,
    "recovery_codes.end": _end_recovery_codes,
    "person.number": _change_number,
    "wrong_number.take": _take_wrong_number,
    "calendar.end": _end_calendars,
    "token.revoke": _revoke_token,
    "action.call_off": _call_off,
    "event.move": _move,
    "void": _void,
    "photo.delete": _delete_photo,
    "statement.close": _close_statement,
}
