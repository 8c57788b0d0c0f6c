"""Campaigns: the run of actions, and why we are out."""

import uuid
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.blueprint import bp
from mobilize.actions.forms import CampaignForm
from mobilize.actions.models import Campaign
from mobilize.actions.operations import change_campaign, create_campaign
from mobilize.actions.queries import actions_without_campaign, all_campaigns
from mobilize.actions.seen import seen_actions
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _

Answer = str | Response | tuple[str, int]


@bp.get("/campaigns")
@signed_in(RoleName.ORGANIZER)
def campaigns() -> str:
    """Every campaign with those of its actions that are in scope, newest first."""
    listed = [(campaign, seen_actions(campaign.actions, me().scope)) for campaign in all_campaigns()]
    others = seen_actions(actions_without_campaign(), me().scope)
    return render_template("actions/campaigns.html", campaigns=listed, others=others, now=clock.now())


@bp.route("/campaigns/new", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def new_campaign() -> Answer:
    form = CampaignForm()
    if not form.is_submitted():
        return render_template("actions/new_campaign.html", form=form)
    if not form.validate():
        return render_template("actions/new_campaign.html", form=form), 422
    campaign = create_campaign(form.name, form.demands, actor=me().actor, now=clock.now(), id=form.id)
    flash(_("The campaign is ready. Now add its first action."), "done")
    return redirect(url_for("actions.campaign", campaign_id=campaign.id), 303)


@bp.get("/campaigns/<uuid:campaign_id>")
@signed_in(RoleName.ORGANIZER)
def campaign(campaign_id: uuid.UUID) -> str:
    """Its demands and its actions."""
    found = _campaign(campaign_id)
    actions = seen_actions(found.actions, me().scope)
    return render_template("actions/campaign.html", campaign=found, actions=actions, now=clock.now())


@bp.route("/campaigns/<uuid:campaign_id>/edit", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def edit_campaign(campaign_id: uuid.UUID) -> Answer:
    """Say name and demands differently from now on."""
    found = _campaign(campaign_id)
    form = CampaignForm(**_written_in(found))
    if not form.is_submitted():
        return render_template("actions/edit_campaign.html", form=form, campaign=found)
    try:
        if not form.validate():
            return render_template("actions/edit_campaign.html", form=form, campaign=found), 422
        change_campaign(found, form.name, form.demands, actor=me().actor, now=clock.now())
    except Refused as refusal:
        form.refuse(refusal)
        return render_template("actions/edit_campaign.html", form=form, campaign=found), refusal.status
    flash(_("Saved. Posters printed from now on say it."), "done")
    return redirect(url_for("actions.campaign", campaign_id=found.id), 303)


def _campaign(campaign_id: uuid.UUID) -> Campaign:
    """Names and demands of campaigns are on every poster: no organizer is kept from them."""
    return db.session.get(Campaign, campaign_id) or abort(404)


def _written_in(campaign: Campaign) -> dict[str, Any]:
    return {
        "name_en": campaign.name_en,
        "name_es": campaign.name_es,
        "demands_en": campaign.demands_en,
        "demands_es": campaign.demands_es,
    }
