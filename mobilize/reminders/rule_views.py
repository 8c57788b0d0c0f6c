"""Which texts an action sends on its own."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import Form

from mobilize import clock, settings
from mobilize.accounts.entrance import me, require_step_up, signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.scope import Scope
from mobilize.accounts.step_up import ASKS_ABOVE, kept_fields
from mobilize.actions.models import Action, ActionKind, EventChapter
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders import operations
from mobilize.reminders.blueprint import bp
from mobilize.reminders.estimates import Estimate, estimate
from mobilize.reminders.forms import FORM_OF, label
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.queries import rules_of
from mobilize.roster.models import Site

# Under which field a refusal is shown; any other under the first.
_FIELD_OF = {"no_reason": "reason", "bad_order": "again_after"}


@bp.get("/actions/<uuid:action_id>/reminders")
@signed_in(RoleName.ORGANIZER)
def rules(action_id: uuid.UUID) -> str:
    """An action's reminders: on or off, when, to how many, at what cost, in which words."""
    return _page(action_in_scope(action_id))


@bp.post("/actions/<uuid:action_id>/reminders")
@signed_in(RoleName.ORGANIZER, step_up=True)
def change(action_id: uuid.UUID) -> Response | tuple[str, int]:
    """Turn one of them on or off, or set its time. `do` = "<kind>:on" or "<kind>:off".

    What reaches more than 100 phones is looked at first, with its price, and then wants a step-up.
    """
    action = action_in_scope(action_id)
    kind, _sep, state = request.form.get("do", "").partition(":")
    if not may_change(action, me().scope):
        abort(403)
    if kind not in set(RuleKind) or state not in {"on", "off"}:
        abort(400)
    chosen = RuleKind(kind)
    form = label(FORM_OF[chosen](request.form), chosen)
    if not form.validate():
        return _page(action, chosen, form), 422
    try:
        with atomic():
            _apply(action, chosen, form, on=state == "on")
            size = estimate(action, rules_of(action)[chosen], clock.now()) if state == "on" else None
            many = size if size and size.phones > ASKS_ABOVE else None
            if many and many.segments > request.form.get("agreed_segments", 0, type=int):
                abort(_look_first(action, chosen, many))
            require_step_up(needed=many is not None)
    except Refused as refusal:
        form[_FIELD_OF.get(refusal.code) or next(iter(form._fields))].errors = [refusal.message]
        return _page(action, chosen, form), refusal.status
    flash(_("Saved. It is on.") if state == "on" else _("Saved. It is off."), "done")
    return redirect(url_for("reminders.rules", action_id=action.id), 303)


def _look_first(action: Action, kind: RuleKind, size: Estimate) -> Response:
    """What this would be, to be agreed to; it comes again when it has grown meanwhile. Nothing is on yet."""
    page = render_template(
        "reminders/look_first.html",
        action=action,
        kind=kind,
        size=size,
        kept=[(name, text) for name, text in kept_fields() if name != "agreed_segments"],
        grown="agreed_segments" in request.form,
        rate=settings().segments_per_second,
    )
    return make_response(page, 422)


def may_change(action: Action, scope: Scope) -> bool:
    """Texts to chapters outside her areas are not hers to decide: then only the office may."""
    chapters = select(EventChapter.site_id).where(EventChapter.action_id == action.id)
    seen = select(Site.id).where(Site.id.in_(chapters), Site.id.in_(scope.limit(select(Site.id))))
    all_of_them = set(db.session.scalars(chapters.where(EventChapter.gone_at.is_(None))))
    return all_of_them <= set(db.session.scalars(seen))


def action_in_scope(action_id: uuid.UUID) -> Action:
    """The action, when any of its chapters is in scope; else it is not there."""
    action = db.session.get(Action, action_id) or abort(404)
    chapters = select(EventChapter.site_id).where(EventChapter.action_id == action.id)
    if db.session.scalar(me().scope.limit(select(Site.id).where(Site.id.in_(chapters))).limit(1)) is None:
        abort(404)
    return action


def _apply(action: Action, kind: RuleKind, form: Form, *, on: bool) -> None:
    told: dict[str, Any] = {"on": on, "actor": me().actor, "now": clock.now()}
    if kind is RuleKind.DAY_BEFORE:
        operations.change_reminder(action, form["at_local"].data, **told)
    elif kind is RuleKind.COUNT_QUESTION:
        later = {name: form[name].data for name in ("again_after", "call_after")}
        operations.change_count_question(action, form["minutes"].data, **later, **told)
    else:
        typed = {name: field.data for name, field in form._fields.items() if field.data}
        operations.change_rule(action, kind, **typed, **told)


def _page(action: Action, wrong_kind: RuleKind | None = None, wrong: Form | None = None) -> str:
    now = clock.now()
    operations.set_default_rules(now)
    found = rules_of(action)
    forms = {kind: label(FORM_OF[kind](data=_now_set(rule)), kind) for kind, rule in found.items()}
    if wrong_kind and wrong:
        forms[wrong_kind] = wrong
    return render_template(
        "reminders/rules.html",
        action=action,
        rules=found,
        forms=forms,
        estimates={kind: estimate(action, rule, now) for kind, rule in found.items()},
        has_lines=action.kind in (ActionKind.PICKET, ActionKind.STRIKE),
        may_change=may_change(action, me().scope),
        rate=settings().segments_per_second,
        ignores_windows=settings().is_demo,
    )


def _now_set(rule: ReminderRule) -> dict[str, Any]:
    return {
        "at_local": rule.at_local,
        "minutes": rule.minutes_after_start,
        "again_after": rule.again_after_minutes,
        "call_after": rule.call_after_minutes,
        "minutes_before": rule.minutes_before,
        "reason": rule.reason,
    }
