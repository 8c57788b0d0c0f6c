"""The page of an action's reminders."""

import uuid

from flask import abort, flash, make_response, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE, kept_fields
from mobilize.actions.models import Action, ActionKind, EventChapter
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.models import RuleKind
from mobilize.reminders.routes import bp
from mobilize.reminders.rules import operations
from mobilize.reminders.rules.estimates import Estimate, estimate
from mobilize.reminders.rules.forms import ChangeForm, form_for, typed_settings
from mobilize.reminders.rules.kinds import SPECS
from mobilize.reminders.rules.queries import may_change, rules_of
from mobilize.roster.models import Site
from mobilize.web.page_form import PageForm

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

    Turning one on wants a step-up, however few it reaches today: it goes on reaching whoever comes to the
    roster. What reaches more than 100 phones is looked at first, with its price.
    """
    action, sent = action_in_scope(action_id), ChangeForm()
    kind, _sep, state = sent.do.data.partition(":")
    if not may_change(action, me().scope):
        abort(403)
    if kind not in set(RuleKind) or state not in {"on", "off"}:
        abort(400)
    chosen = RuleKind(kind)
    form = form_for(chosen)
    if not form.validate():
        return _page(action, chosen, form), 422
    try:
        with after_step_up(needed=False):  # below, once the estimate is known
            typed = typed_settings(chosen, form)
            operations.change_rule(action, chosen, typed, on=state == "on", actor=me().actor, now=clock.now())
            size = estimate(action, rules_of(action)[chosen], clock.now()) if state == "on" else None
            many = size if size and size.phones > ASKS_ABOVE else None
            if many and many.segments > (sent.agreed_segments.data or 0):
                abort(_look_first(action, chosen, many, grown=bool(sent.agreed_segments.raw_data)))
            require_step_up(needed=state == "on")
    except Refused as refusal:
        form[_FIELD_OF.get(refusal.code) or next(iter(form._fields))].errors = [refusal.message]
        return _page(action, chosen, form), refusal.status
    flash(_("Saved. It is on.") if state == "on" else _("Saved. It is off."), "done")
    return redirect(url_for("reminders.rules", action_id=action.id), 303)


def _look_first(action: Action, kind: RuleKind, size: Estimate, *, grown: bool) -> Response:
    """The estimate, to be agreed to; shown again when it has grown meanwhile. Nothing is on yet."""
    page = render_template(
        "reminders/look_first.html",
        action=action,
        kind=kind,
        size=size,
        kept=[(name, text) for name, text in kept_fields() if name != "agreed_segments"],
        grown=grown,
        rate=settings().segments_per_second,
        a_day=settings().segments_a_day,
    )
    return make_response(page, 422)


def action_in_scope(action_id: uuid.UUID) -> Action:
    """The action, when any of its chapters is in scope; else it is not there."""
    action = db.session.get(Action, action_id) or abort(404)
    chapters = select(EventChapter.site_id).where(EventChapter.action_id == action.id)
    if db.session.scalar(me().scope.limit(select(Site.id).where(Site.id.in_(chapters))).limit(1)) is None:
        abort(404)
    return action


def _page(action: Action, wrong_kind: RuleKind | None = None, wrong: PageForm | None = None) -> str:
    now = clock.now()
    operations.set_default_rules(now)
    rules, has_lines = rules_of(action), action.kind in (ActionKind.PICKET, ActionKind.STRIKE)
    forms = {kind: form_for(kind, rule) for kind, rule in rules.items()}
    if wrong_kind and wrong:
        forms[wrong_kind] = wrong
    return render_template(
        "reminders/rules.html",
        action=action,
        rules=rules,
        specs={
            kind: SPECS[kind]
            for kind in SPECS
            if kind in rules and (has_lines or not SPECS[kind].needs_lines)
        },
        forms=forms,
        estimates={kind: estimate(action, rule, now) for kind, rule in rules.items()},
        may_change=may_change(action, me().scope),
        rate=settings().segments_per_second,
        a_day=settings().segments_a_day,
        ignores_windows=settings().is_demo,
    )
