"""Pages of the review queue: decide about evidence, kept counts, and new numbers."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.forms import written
from mobilize.actions.models import Action, Event
from mobilize.actions.visibility import may_change, visible_action, visible_event, visible_events
from mobilize.checkins.forms import DecideForm, TakeForm
from mobilize.checkins.models import Evidence, HeadCount, Supporters
from mobilize.checkins.review import resolutions
from mobilize.checkins.review.phone_updates import settle_number, waiting_numbers
from mobilize.checkins.review.queue import MOST_OPEN, ReviewItem, kept_counts, settled, unmatched
from mobilize.checkins.routes import bp
from mobilize.database import db, parse_id
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
    action = visible_action(action_id, me().scope)
    audit.note(me().actor, "unmatched.see", action.id, now=clock.now())
    return _page(action)


@bp.post("/actions/<uuid:action_id>/unmatched/<uuid:evidence_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def decide(action_id: uuid.UUID, evidence_id: uuid.UUID) -> Response | tuple[str, int]:
    """`do`: tie (to the member chosen, or the one whose number or name was written), not_ours, or reopen; and
    was_there or was_not of a tap of uncertain time."""
    action = visible_action(action_id, me().scope)
    evidence = db.session.get(Evidence, evidence_id)
    if evidence is None:
        abort(404)
    event = visible_event(evidence.event_id, me().scope)
    if event.action_id != action.id or not may_change(event, me().scope):
        abort(404)
    try:
        _do(DecideForm(), evidence, event)
    except Refused as refusal:
        return _page(action, problem=refusal.message), refusal.status
    flash(_("Saved. The figures follow by themselves."), "done")
    return redirect(_back(action), 303)


@bp.post("/actions/<uuid:action_id>/kept/<uuid:count_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def settle_kept(action_id: uuid.UUID, count_id: uuid.UUID) -> Response:
    """A count that was kept for a person: in after all, or left out."""
    action, form = visible_action(action_id, me().scope), TakeForm()
    table = _COUNTS.get(form.what.data) or abort(404)
    kept = next((one for one in kept_counts(_events(action)) if one.id == count_id), None)
    if kept is None or kept.supporters is not (table is Supporters):
        abort(404)
    resolutions.settle_count(table, count_id, take=form.take, actor=me().actor, now=clock.now())
    flash(_("Counted.") if form.take else _("Left out."), "done")
    return redirect(_back(action), 303)


def _do(form: DecideForm, evidence: Evidence, event: Event) -> None:
    evidence_id, what = evidence.id, form.do.data
    decided: dict[str, Any] = {"actor": me().actor, "now": clock.now()}
    values = {"reason": written(form.reason), **decided}
    if what in ("was_there", "was_not"):
        member = db.session.get(Member, evidence.member_id) if evidence.member_id else None
        if member is None or not _in_scope(member):
            _nobody()
        resolutions.settle_time(evidence_id, present=what == "was_there", **decided)
    elif what == "tie":
        resolutions.tie(evidence_id, _chosen(form, event).id, **values)
    elif what == "not_ours":
        resolutions.set_aside(evidence_id, **values)
    elif what == "reopen":
        resolutions.reopen(evidence_id, **values)
    else:
        raise Refused("nothing", _("Choose what to do."))


def _chosen(form: DecideForm, event: Event) -> Member:
    """The member chosen or written, of the reader's scope; anybody else looks like nobody."""
    if form.member.data:
        member = db.session.get(Member, parse_id(form.member.data) or _nobody().id)
        return member if member and _in_scope(member) else _nobody()
    who = written(form.who)[:80]
    fits = [m for m in members_by_number_or_phone(who) if not m.merged_into_id] or _called(event, who)
    fits = [member for member in fits if _in_scope(member)]
    if len(fits) > 1:
        raise Refused("several", _("More than one member matches. Type the member number."))
    return fits[0] if fits else _nobody()


def _called(event: Event, who: str) -> list[Member]:
    """Members of the event's chapter with all these words in their names."""
    words = fold(who).split()
    if not words or event.site_id is None:
        return []
    ids = [line.id for line in chapter(event.site_id) if all(w in line.name.searched_in for w in words)]
    return [member for member in (db.session.get(Member, one) for one in ids) if member]


def _nobody() -> Member:
    message = _(
        "We find no member like that among yours. Write the member number, or the name as on the roster."
    )
    raise Refused("no_member", message, status=404)


def _in_scope(member: Member) -> bool:
    scope = me().scope
    return scope.everything or any(scope.sees(site) for site in sites_of(member.id).values())


def _events(action: Action) -> Sequence[Event]:
    """The events this person may change, or the one in `?event=`; none of a forgotten action."""
    scope, event_id = me().scope, request.args.get("event", type=uuid.UUID)
    if action.forgotten_at is not None:
        return []
    events = [
        event for event in visible_events(action, scope) if scope.everything or may_change(event, scope)
    ]
    return [event for event in events if event_id in (None, event.id)]


def _back(action: Action) -> str:
    return url_for("checkins.unmatched_list", action_id=action.id, event=request.args.get("event"))


def _page(action: Action, problem: str = "") -> str:
    events = _events(action)
    open_ = unmatched(events)
    return render_template(
        "checkins/unmatched_list.html",
        action=action,
        items=[(item, _name(item.member), _candidates(item)) for item in open_],
        done=[(item, _name(item.tied_to)) for item in settled(events)],
        counts=kept_counts(events),
        problem=problem,
        event_id=request.args.get("event"),
        more=len(open_) == MOST_OPEN,
    )


def _candidates(item: ReviewItem) -> list[tuple[uuid.UUID, PersonName]]:
    """The candidates of the reader's scope."""
    rows = ((member, name, db.session.get(Member, member)) for member, name in item.candidates)
    return [(member, name) for member, name, row in rows if row and _in_scope(row)]


def _name(member: Member | None) -> str | None:
    """The member's name where they are in scope, "" for another chapter's, None for nobody."""
    if member is None:
        return None
    return member.person.full if _in_scope(member) else ""


@bp.get("/members/new-numbers")
@signed_in(RoleName.ADMIN)
def new_numbers() -> str:
    """The new numbers that wait, each beside the one on the roster."""
    audit.note(me().actor, "new_numbers.see", "", now=clock.now())
    return render_template("checkins/new_numbers.html", waiting=waiting_numbers())


@bp.post("/members/new-numbers/<uuid:number_id>")
@signed_in(RoleName.ADMIN, step_up=True)
def settle_new_number(number_id: uuid.UUID) -> Response:
    """Write a new number into the roster, or leave the roster as it is."""
    take = TakeForm().take
    with after_step_up(needed=take):
        settled = settle_number(number_id, take=take, actor=me().actor, now=clock.now())
    if settled:
        flash(_("The roster has the new number.") if take else _("Left as it was."), "done")
    return redirect(url_for("checkins.new_numbers"), 303)
