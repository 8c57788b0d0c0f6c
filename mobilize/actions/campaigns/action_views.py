"""Pages of actions: creating one at many sites, its events, and its posters."""

import uuid
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from wtforms import SelectChoice

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.access.scope import today
from mobilize.accounts.models import RoleName
from mobilize.actions.forms import EVERY_SITE, SOME_AREAS, ActionForm, PostersForm, written
from mobilize.actions.models import Action, ActionKind, Campaign
from mobilize.actions.operations import NewAction, create_action_at_sites, create_rally
from mobilize.actions.printing.jobs import start_posters
from mobilize.actions.printing.print_jobs import posters_of, printed
from mobilize.actions.queries import active_members_at, all_campaigns, sites_for
from mobilize.actions.routes import bp
from mobilize.actions.visibility import (
    areas_of,
    areas_to_choose,
    may_choose_every_site,
    number_of_events,
    page_of_events,
    visible_action,
    visible_events,
)
from mobilize.actions.words_to_share import words_about
from mobilize.errors import Refused
from mobilize.languages import Translated, _, language, ngettext, say_when
from mobilize.roster.models import Area

# From so many sites on, what will be made is said in a sentence first.
LARGE = 25


@bp.route("/actions/new", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER, step_up=True)
def new_action() -> ResponseReturnValue:
    """One form for an action at every site, at some areas, or a rally."""
    areas = areas_to_choose(me().scope)
    form = _action_form(areas)
    if not form.is_submitted():
        return render_template("actions/new_action.html", form=form, areas=areas)
    try:
        if not form.validate():
            return render_template("actions/new_action.html", form=form, areas=areas), 422
        question = _last_question(form, [area for area, _sites in areas])
        if question and form.sure.data != form.question_key:
            return render_template("actions/new_action.html", form=form, areas=areas, question=question), 422
        # Its usual reminders are on from the start where they reach few enough.
        with after_step_up():
            action = _create(form, [area for area, _sites in areas])
    except Refused as refusal:
        form.refuse(refusal)
        return render_template("actions/new_action.html", form=form, areas=areas), refusal.status
    flash(_("The action is ready: every event has its code and its poster."), "done")
    return redirect(url_for("actions.action", action_id=action.id), 303)


@bp.get("/actions/<uuid:action_id>")
@signed_in(RoleName.ORGANIZER)
def action(action_id: uuid.UUID) -> str:
    """An action with its events, by page."""
    action, now = visible_action(action_id, me().scope), clock.now()
    number = number_of_events(action, me().scope)
    listed = page_of_events(
        action,
        me().scope,
        text=request.args.get("q", "").replace("\0", ""),
        area_id=_area_id(),
        page=request.args.get("page", 1, type=int),
        day=today(now),
    )
    return render_template(
        "actions/action.html",
        action=action,
        areas=areas_of(action, me().scope),
        number=number,
        listed=listed,
        q=request.args.get("q", ""),
        area_id=_area_id(),
        zone=settings().union_timezone,
        now=now,
        many=LARGE,
        share=_words_to_share(action, number, now),
    )


def _words_to_share(action: Action, number: int, now: datetime) -> Translated | None:
    """Words about its one event, where it has one; None once it is over or called off."""
    if action.called_off_at or now > action.ends_at:
        return None
    only = visible_events(action, me().scope) if number == 1 else []
    return words_about(action, only[0] if only else None)


@bp.get("/actions/<uuid:action_id>/posters.pdf")
@signed_in(RoleName.ORGANIZER)
def posters(action_id: uuid.UUID) -> ResponseReturnValue:
    """The posters of all events in scope, or of one area's, in one file to print; of many a worker draws
    them."""
    action = visible_action(action_id, me().scope)
    events = visible_events(action, me().scope, _area_id())
    if len(events) > LARGE:
        return redirect(url_for("actions.action", action_id=action.id), 303)
    name = f"posters-{action.starts_at:%Y-%m-%d}.pdf"
    return printed(posters_of(events), name)


@bp.post("/actions/<uuid:action_id>/posters")
@signed_in(RoleName.ORGANIZER)
def draw_posters(action_id: uuid.UUID) -> ResponseReturnValue:
    """Give many posters to a worker, in one file or a file for each place."""
    action, form = visible_action(action_id, me().scope), PostersForm()
    each = form.each.data == "yes"
    job = start_posters(action, form.area_id, each=each, by=me().actor, now=clock.now())
    return redirect(url_for("jobs.job", job_id=job.id), 303)


def _area_id() -> uuid.UUID | None:
    return request.args.get("area", type=uuid.UUID)


def _action_form(areas: list[tuple[Area, int]]) -> ActionForm:
    """The form with the choices this person has: every site only for those whose scope is all of them."""
    # What a program has prepared stands in the address, field by field.
    begun: dict[str, Any] = {}
    if request.method == "GET" and "form_id" in request.args:
        begun = {"formdata": request.args}
    form = ActionForm(campaign=request.args.get("campaign", ""), **begun)
    whole = may_choose_every_site(me().scope)
    number = sum(sites for _area, sites in areas)
    some = SelectChoice(SOME_AREAS, _("Only the areas chosen below"))
    every = SelectChoice(EVERY_SITE, ngettext("Every site: %(num)s", "Every site: %(num)s", number))
    form.where.choices = [every, some] if whole else [some]
    form.areas.choices = [SelectChoice(str(area.id), _sites(area.name, number)) for area, number in areas]
    form.kind.choices = [
        SelectChoice(ActionKind.PICKET.value, _("Picket at each site")),
        SelectChoice(ActionKind.RALLY.value, _("Rally at one place")),
        SelectChoice(ActionKind.STRIKE.value, _("Strike day, with a line at each site")),
        SelectChoice(ActionKind.COUNT.value, _("A count without a line: sticker day, petition")),
    ]
    form.campaign.choices = [*map(_campaign_choice, all_campaigns()), SelectChoice("", _("None"))]
    if not form.is_submitted() and not form.where.data:
        form.where.data = EVERY_SITE if whole else SOME_AREAS
    return form


def _campaign_choice(campaign: Campaign) -> SelectChoice:
    return SelectChoice(str(campaign.id), campaign.name.in_(language()))


def _sites(name: str, number: int) -> str:
    return ngettext("%(name)s: %(num)s site", "%(name)s: %(num)s sites", number, name=name)


def _last_question(form: ActionForm, areas: list[Area]) -> str:
    """What is about to be made, in one sentence, where it is large; else ""."""
    sites = sites_for(_chosen_areas(form, areas))
    if len(sites) < LARGE:
        return ""
    words = {
        ActionKind.PICKET: _("%(n)s pickets", n=format_decimal(len(sites))),
        ActionKind.STRIKE: _("%(n)s lines", n=format_decimal(len(sites))),
        ActionKind.COUNT: _("%(n)s counts", n=format_decimal(len(sites))),
        ActionKind.RALLY: _("A rally of %(n)s chapters", n=format_decimal(len(sites))),
    }
    return _(
        "%(what)s, %(eligible)s eligible members, %(when)s.",
        what=words[ActionKind(form.kind.data)],
        eligible=format_decimal(active_members_at(sites)),
        when=say_when(*form.span.moments(settings().union_timezone), settings().union_timezone),
    )


def _chosen_areas(form: ActionForm, areas: list[Area]) -> list[Area] | None:
    if form.where.data == EVERY_SITE:
        return None
    return [area for area in areas if str(area.id) in form.areas.data]


def _create(form: ActionForm, areas: list[Area]) -> Action:
    new = NewAction(
        name=form.name.data,
        kind=ActionKind(form.kind.data),
        span=form.span,
        campaign_id=uuid.UUID(form.campaign.data) if form.campaign.data else None,
        drill=form.drill.data,
        elsewhere_ok=form.elsewhere_ok.data,
        target_percent=form.target_percent.data,
        id=form.id,
    )
    chosen = _chosen_areas(form, areas)
    if new.kind is ActionKind.RALLY:
        return create_rally(new, written(form.venue), areas=chosen, actor=me().actor, now=clock.now())
    return create_action_at_sites(new, areas=chosen, actor=me().actor, now=clock.now())
