"""Working off what counted for nobody: tie it to a member, set it aside, or think better of it."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action, Event
from mobilize.actions.seen import may_change, seen_action, seen_event, seen_events
from mobilize.checkins import matching
from mobilize.checkins.models import Evidence, HeadCount, Supporters
from mobilize.checkins.unmatched import SHOWN, Item, kept_counts, settled, unmatched
from mobilize.checkins.views import bp
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member
from mobilize.roster.names import PersonName, fold
from mobilize.roster.queries import chapter, members_by_number_or_phone, sites_of

_COUNTS: dict[str, Any] = {"heads": HeadCount, "supporters": Supporters}


@bp.get("/actions/<uuid:action_id>/unmatched")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def unmatched_list(action_id: uuid.UUID) -> str:
    """Everything at the events in scope (`?event=`: at one of them) that waits for a person, and what was
    decided."""
    action = seen_action(action_id, me().scope)
    audit.note(me().actor, "unmatched.see", action.id, now=clock.now())
    return _page(action)


@bp.post("/actions/<uuid:action_id>/unmatched/<uuid:evidence_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def decide(action_id: uuid.UUID, evidence_id: uuid.UUID) -> Response | tuple[str, int]:
    """`do`: tie (to the member chosen, or the one whose number or name was written), not_ours, or reopen; and
    was_there or was_not of a tap of uncertain time."""
    action = seen_action(action_id, me().scope)
    evidence = db.session.get(Evidence, evidence_id)
    if evidence is None:
        abort(404)
    event = seen_event(evidence.event_id, me().scope)
    if event.action_id != action.id or not may_change(event, me().scope):
        abort(404)
    said = {
        "reason": request.form.get("reason", "").replace("\0", ""),
        "actor": me().actor,
        "now": clock.now(),
    }
    try:
        _do(request.form.get("do", ""), evidence, event, said)
    except Refused as refusal:
        return _page(action, problem=refusal.message), refusal.status
    flash(_("Saved. The figures follow by themselves."), "done")
    return redirect(_back(action), 303)


@bp.post("/actions/<uuid:action_id>/kept/<uuid:count_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def settle_kept(action_id: uuid.UUID, count_id: uuid.UUID) -> Response:
    """A count that was kept for a person: in after all, or left out."""
    action = seen_action(action_id, me().scope)
    table = _COUNTS.get(request.form.get("what", "")) or abort(404)
    kept = next((one for one in kept_counts(_events(action)) if one.id == count_id), None)
    if kept is None or kept.supporters is not (table is Supporters):
        abort(404)
    take = request.form.get("do") == "take"
    matching.settle_count(table, count_id, take=take, actor=me().actor, now=clock.now())
    flash(_("Counted in.") if take else _("Left out."), "done")
    return redirect(_back(action), 303)


def _do(what: str, evidence: Evidence, event: Event, said: dict[str, Any]) -> None:
    evidence_id = evidence.id
    if what in ("was_there", "was_not"):
        member = db.session.get(Member, evidence.member_id) if evidence.member_id else None
        if member is None or not _in_scope(member):
            _nobody()
        decided = {"actor": said["actor"], "now": said["now"]}
        matching.settle_time(evidence_id, was_there=what == "was_there", **decided)
    elif what == "tie":
        matching.tie(evidence_id, _chosen(event).id, **said)
    elif what == "not_ours":
        matching.set_aside(evidence_id, **said)
    elif what == "reopen":
        matching.reopen(evidence_id, **said)
    else:
        raise Refused("nothing", _("Choose what to do."))


def _chosen(event: Event) -> Member:
    """The member chosen or written, of the reader's scope; anybody else looks like nobody."""
    chosen = request.form.get("member", "")
    if chosen:
        found = db.session.get(Member, _uuid(chosen))
        return found if found and _in_scope(found) else _nobody()
    written = request.form.get("who", "").replace("\0", "").strip()[:80]
    fits = [m for m in members_by_number_or_phone(written) if not m.merged_into_id] or _called(event, written)
    fits = [member for member in fits if _in_scope(member)]
    if len(fits) > 1:
        raise Refused("several", _("More than one member matches. Type the member number."))
    return fits[0] if fits else _nobody()


def _called(event: Event, written: str) -> list[Member]:
    """Members of the event's chapter with all these words in their names."""
    words = fold(written).split()
    if not words or event.site_id is None:
        return []
    found = [line.id for line in chapter(event.site_id) if all(w in line.name.searched_in for w in words)]
    return [member for member in (db.session.get(Member, one) for one in found) if member]


def _nobody() -> Member:
    said = _(
        "We find no member like that among yours. Write the member number, or the name as on the roster."
    )
    raise Refused("no_member", said, status=404)


def _in_scope(member: Member) -> bool:
    scope = me().scope
    return scope.everything or any(scope.sees(site) for site in sites_of(member.id).values())


def _events(action: Action) -> Sequence[Event]:
    """Those whose line this person looks after, or the one that was asked for; none of a forgotten action."""
    scope, asked = me().scope, request.args.get("event", type=uuid.UUID)
    if action.forgotten_at is not None:
        return []
    found = [event for event in seen_events(action, scope) if scope.everything or may_change(event, scope)]
    return [event for event in found if asked in (None, event.id)]


def _back(action: Action) -> str:
    return url_for("checkins.unmatched_list", action_id=action.id, event=request.args.get("event"))


def _page(action: Action, problem: str = "") -> str:
    events = _events(action)
    open_ = unmatched(events)
    return render_template(
        "checkins/unmatched_list.html",
        action=action,
        items=[(item, _name(item.member), _seen(item)) for item in open_],
        done=[(item, _name(item.tied_to)) for item in settled(events)],
        counts=kept_counts(events),
        problem=problem,
        asked=request.args.get("event"),
        more=len(open_) == SHOWN,
    )


def _seen(item: Item) -> list[tuple[uuid.UUID, PersonName]]:
    """The candidates of the reader's scope."""
    found = ((member, name, db.session.get(Member, member)) for member, name in item.candidates)
    return [(member, name) for member, name, row in found if row and _in_scope(row)]


def _name(member: Member | None) -> str | None:
    """Her name where she is in scope, "" for another chapter's, None for nobody."""
    if member is None:
        return None
    return member.person.full if _in_scope(member) else ""


def _uuid(written: str) -> uuid.UUID:
    try:
        return uuid.UUID(written)
    except ValueError:
        return _nobody().id
