"""The pages of an action's reminders: each with its words and its form, and the check before one is on."""

import uuid
from collections.abc import Iterable, Mapping

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE, kept_fields
from mobilize.actions.models import Action, EventChapter
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.models import RuleKind
from mobilize.reminders.routes import bp
from mobilize.reminders.rules import operations
from mobilize.reminders.rules.estimates import Estimate, estimate
from mobilize.reminders.rules.forms import ChangeForm, form_for, typed_settings
from mobilize.reminders.rules.kinds import SPECS
from mobilize.reminders.rules.queries import may_change, rules_of, usual_and_off
from mobilize.roster.models import Site
from mobilize.texts.sending.spending import cost_cents
from mobilize.web.page_form import PageForm

# In the place of a kind: all that a small action begins with and that are off here, at once.
USUAL = "usual"
# Under which field a refusal is shown; any other under the first.
_FIELD_OF = {"no_reason": "reason", "bad_order": "again_after"}
_REMINDER = f"<any({', '.join(RuleKind)}):reminder>"


@bp.get(f"/actions/<uuid:action_id>/reminders/{_REMINDER}")
@signed_in(RoleName.ORGANIZER)
def rule(action_id: uuid.UUID, reminder: str) -> str:
    """One reminder: on or off, when, to how many, at what cost, in which words."""
    return _page(action_in_scope(action_id), RuleKind(reminder))


@bp.post("/actions/<uuid:action_id>/reminders")
@signed_in(RoleName.ORGANIZER, step_up=True)
def change(action_id: uuid.UUID) -> Response | tuple[str, int]:
    """Turn one of them on or off, or set its time. `do` = "<kind>:on" or "<kind>:off", or "usual:on".

    Turning one on wants a step-up, however few it reaches today: it goes on reaching whoever comes to the
    roster. What reaches more than 100 phones is looked at first, with its price, and all of it on one page.
    """
    action, sent, now = action_in_scope(action_id), ChangeForm(), clock.now()
    kind, _sep, state = sent.do.data.partition(":")
    if not may_change(action, me().scope):
        abort(403)
    if kind == USUAL and state == "on":
        kinds, form = usual_and_off(action, now), PageForm()
    elif kind in set(RuleKind) and state in {"on", "off"}:
        kinds, form = [RuleKind(kind)], form_for(RuleKind(kind))
    else:
        abort(400)
    if not form.validate():
        return _page(action, kinds[0], form), 422
    try:
        with after_step_up(needed=False):  # below, once the estimate is known
            for one in kinds:
                typed = {} if kind == USUAL else typed_settings(one, form)
                operations.change_rule(action, one, typed, on=state == "on", actor=me().actor, now=now)
            _look_first(action, kinds if state == "on" else (), sent)
            require_step_up(needed=state == "on")
    except Refused as refusal:
        if kind == USUAL or not form._fields:
            raise
        form[_FIELD_OF.get(refusal.code) or next(iter(form._fields))].errors = [refusal.message]
        return _page(action, kinds[0], form), refusal.status
    flash(_("Saved. It is on.") if state == "on" else _("Saved. It is off."), "done")
    return redirect(url_for("reminders.plan", action_id=action.id), 303)


@bp.post(f"/actions/<uuid:action_id>/reminders/{_REMINDER}/test")
@signed_in(RoleName.ORGANIZER)
def test_reminder(action_id: uuid.UUID, reminder: str) -> Response | tuple[str, int]:
    """Text it to the phone of whoever is signed in."""
    action, person = action_in_scope(action_id), me().person
    try:
        operations.test_reminder(action, RuleKind(reminder), person or abort(403), now=clock.now())
    except Refused as refusal:
        return _page(action, RuleKind(reminder), refusal=refusal), refusal.status
    flash(_("It is on its way to your phone."), "done")
    return redirect(url_for("reminders.rule", action_id=action.id, reminder=reminder), 303)


def _look_first(action: Action, kinds: Iterable[RuleKind], sent: ChangeForm) -> None:
    """End the request with the page of estimates where these reach many, until it was agreed to; shown again
    when they have grown meanwhile. Nothing is on yet."""
    rules, now = rules_of(action), clock.now()
    sizes = {kind: estimate(action, rules[kind], now) for kind in kinds}
    segments = sum(size.segments for size in sizes.values())
    if sum(size.phones for size in sizes.values()) <= ASKS_ABOVE or segments <= (
        sent.agreed_segments.data or 0
    ):
        return
    grown = bool(sent.agreed_segments.raw_data)
    abort(make_response(_check_page(action, sizes, segments, grown=grown), 422))


def _check_page(action: Action, sizes: Mapping[RuleKind, Estimate], segments: int, *, grown: bool) -> str:
    each = {size.phones for size in sizes.values()}
    return render_template(
        "reminders/look_first.html",
        action=action,
        sizes=sizes,
        specs=SPECS,
        texts=sum(size.phones * SPECS[kind].sent_at_most for kind, size in sizes.items()),
        phones=each.pop() if len(each) == 1 else None,
        segments=segments,
        cost_cents=cost_cents(segments),
        done_at=max((size.done_at for size in sizes.values() if size.done_at), default=None),
        kept=[(name, text) for name, text in kept_fields() if name != "agreed_segments"],
        grown=grown,
        rate=settings().segments_per_second,
        a_day=settings().segments_a_day,
    )


def action_in_scope(action_id: uuid.UUID) -> Action:
    """The action, when any of its chapters is in scope; else it is not there."""
    action = db.session.get(Action, action_id) or abort(404)
    chapters = select(EventChapter.site_id).where(EventChapter.action_id == action.id)
    if db.session.scalar(me().scope.limit(select(Site.id).where(Site.id.in_(chapters))).limit(1)) is None:
        abort(404)
    return action


def _page(
    action: Action, kind: RuleKind, wrong: PageForm | None = None, refusal: Refused | None = None
) -> str:
    now = clock.now()
    operations.set_default_rules(now)
    rule = rules_of(action).get(kind)
    return render_template(
        "reminders/rule.html",
        action=action,
        rule=rule,
        kind=kind,
        spec=SPECS[kind],
        # What a program has prepared stands behind the question mark.
        form=wrong or (form_for(kind, rule, request.args) if rule else None),
        size=estimate(action, rule, now) if rule else None,
        refusal=refusal,
        may_change=may_change(action, me().scope),
        rate=settings().segments_per_second,
        a_day=settings().segments_a_day,
        ignores_windows=settings().is_demo,
    )
