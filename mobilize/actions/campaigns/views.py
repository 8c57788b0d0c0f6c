"""Pages of campaigns: their demands and their actions."""

import uuid

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.forms import CampaignForm
from mobilize.actions.models import Campaign
from mobilize.actions.operations import change_campaign, create_campaign
from mobilize.actions.queries import actions_without_campaign, all_campaigns
from mobilize.actions.routes import bp
from mobilize.actions.visibility import visible_actions
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _


@bp.get("/campaigns")
@signed_in(RoleName.ORGANIZER)
def campaigns() -> str:
    """Every campaign with those of its actions that are in scope, newest first."""
    listed = [(campaign, visible_actions(campaign.actions, me().scope)) for campaign in all_campaigns()]
    others = visible_actions(actions_without_campaign(), me().scope)
    return render_template("actions/campaigns.html", campaigns=listed, others=others, now=clock.now())


@bp.route("/campaigns/new", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def new_campaign() -> ResponseReturnValue:
    form = CampaignForm()
    if not form.is_submitted():
        return render_template("actions/new_campaign.html", form=form)
    if not form.validate():
        return render_template("actions/new_campaign.html", form=form), 422
    campaign = create_campaign(
        form.name.data, form.demands.data, actor=me().actor, now=clock.now(), id=form.id
    )
    flash(_("The campaign is ready. Now add its first action."), "done")
    return redirect(url_for("actions.campaign", campaign_id=campaign.id), 303)


@bp.get("/campaigns/<uuid:campaign_id>")
@signed_in(RoleName.ORGANIZER)
def campaign(campaign_id: uuid.UUID) -> str:
    """A campaign with its demands and its actions."""
    campaign = _campaign(campaign_id)
    actions = visible_actions(campaign.actions, me().scope)
    return render_template("actions/campaign.html", campaign=campaign, actions=actions, now=clock.now())


@bp.route("/campaigns/<uuid:campaign_id>/edit", methods=["GET", "POST"])
@signed_in(RoleName.ORGANIZER)
def edit_campaign(campaign_id: uuid.UUID) -> ResponseReturnValue:
    """Change name and demands."""
    campaign = _campaign(campaign_id)
    form = CampaignForm(name=campaign.name, demands=campaign.demands)
    if not form.is_submitted():
        return render_template("actions/edit_campaign.html", form=form, campaign=campaign)
    try:
        if not form.validate():
            return render_template("actions/edit_campaign.html", form=form, campaign=campaign), 422
        change_campaign(campaign, form.name.data, form.demands.data, actor=me().actor, now=clock.now())
    except Refused as refusal:
        form.refuse(refusal)
        return render_template("actions/edit_campaign.html", form=form, campaign=campaign), refusal.status
    flash(_("Saved. Posters printed from now on say it."), "done")
    return redirect(url_for("actions.campaign", campaign_id=campaign.id), 303)


def _campaign(campaign_id: uuid.UUID) -> Campaign:
    """A campaign; 404 where there is none. All organizers see it: name and demands are on every poster."""
    return db.session.get(Campaign, campaign_id) or abort(404)
