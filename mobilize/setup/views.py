"""The pages of setting up: the first admin, the checklist, the union, areas, the carrier, going live."""

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

import config
from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, anyone, me, signed_in, signed_in_person
from mobilize.accounts.approvals.operations import ApprovalKind, is_lone_admin, open_approval
from mobilize.accounts.models import RoleName
from mobilize.accounts.sign_in.sessions import ABSOLUTE, give_cookie
from mobilize.errors import Refused
from mobilize.languages import _, ngettext
from mobilize.roster.operations import add_areas as store_areas
from mobilize.roster.queries import areas as areas_by_name
from mobilize.setup import first_admin, going_live
from mobilize.setup.carrier import carriers, last_test, send_test
from mobilize.setup.checklist import next_step, setup_steps
from mobilize.setup.forms import AreasForm, FirstAdminForm, UnionForm
from mobilize.setup.preflight import preflight_checks
from mobilize.setup.routes import bp
from mobilize.setup.union_settings import change_union as operate_union


@bp.get("/setup/start/<token>")
@anyone
def start(token: str) -> tuple[str, int]:
    """The first page of a new service. A preview opens it too, so nothing is used up yet."""
    works = first_admin.setup_link_works(token, now=clock.now())
    return _start_page(FirstAdminForm(), works), 200 if works else 410


@bp.post("/setup/start/<token>")
@anyone
def make_admin(token: str) -> Response | tuple[str, int]:
    """Make the first admin, and go on to their second step and then to the checklist."""
    form = FirstAdminForm()
    try:
        session = first_admin.begin(token, form.name.data or "", form.phone.data or "", now=clock.now())
    except Refused as refusal:
        field = {"no_name": form.name, "bad_phone": form.phone}.get(refusal.code)
        if field is not None:
            field.errors = [refusal.message]
        return _start_page(form, works=field is not None), refusal.status
    response = redirect(url_for("accounts.set_up"), 303)
    give_cookie(response, "session", session, lasts=ABSOLUTE)
    return response


@bp.get("/setup")
@signed_in(RoleName.ADMIN)
def checklist() -> str:
    """Every step, done or not yet."""
    steps = setup_steps(clock.now())
    to_do = [step for step in steps if not step.is_done]
    return render_template("setup/checklist.html", steps=steps, to_do=to_do, next=next_step(steps))


@bp.get("/setup/union")
@signed_in(RoleName.ADMIN)
def union() -> str:
    """The union's name, time zone, color and help number, as they count now."""
    chosen = settings()
    values = {name.lower(): getattr(chosen, name.lower()) for name in config.IN_THE_BROWSER}
    return render_template("setup/union.html", form=UnionForm(**values).offer())


@bp.post("/setup/union")
@signed_in(RoleName.ADMIN)
def change_union() -> Response | tuple[str, int]:
    """Store them."""
    form = UnionForm().offer()
    try:
        operate_union(form.values(), by=me().actor, now=clock.now())
    except Refused as refusal:
        form.refuse(refusal)
        return render_template("setup/union.html", form=form), refusal.status
    flash(_("Saved. Every page and poster has it within some seconds."), "done")
    return redirect(url_for("setup.checklist"), 303)


@bp.get("/setup/areas")
@signed_in(RoleName.ADMIN)
def areas() -> str:
    """The areas there are, and a field to add some."""
    return render_template("setup/areas.html", form=AreasForm(), areas=areas_by_name())


@bp.post("/setup/areas")
@signed_in(RoleName.ADMIN)
def add_areas() -> Response | tuple[str, int]:
    """Add areas by name."""
    form = AreasForm()
    try:
        new = store_areas((form.names.data or "").splitlines(), by=me().actor, now=clock.now())
    except Refused as refusal:
        form.names.errors = [refusal.message]
        return render_template("setup/areas.html", form=form, areas=areas_by_name()), refusal.status
    flash(ngettext("%(num)s area is new.", "%(num)s areas are new.", new), "done")
    return redirect(url_for("setup.areas"), 303)


@bp.get("/setup/carrier")
@signed_in(RoleName.ADMIN)
def carrier() -> str:
    """What is set of the carrier, what is missing and where it goes, and a test."""
    return _carrier_page()


@bp.post("/setup/carrier/test")
@signed_in(RoleName.ADMIN)
def test_carrier() -> Response | tuple[str, int]:
    """A text to one's own phone."""
    try:
        send_test(signed_in_person(), now=clock.now())
    except Refused as refusal:
        return _carrier_page(refusal.message), refusal.status
    flash(_("The test is on its way to your phone. Look here again in a minute."), "done")
    return redirect(url_for("setup.carrier"), 303)


@bp.get("/setup/ready")
@signed_in(RoleName.ADMIN)
def ready() -> str:
    """Whether the service is ready for the day, and why not; to be printed."""
    now = clock.now()
    lines = preflight_checks(now)
    to_do = [line for line in lines if not line.is_good]
    return render_template("setup/ready.html", lines=lines, to_do=to_do, now=now)


@bp.get("/setup/live")
@signed_in(RoleName.ADMIN)
def live() -> str:
    """What going live does, what is not done yet, and who else has to agree."""
    return _live_page()


@bp.post("/setup/live")
@signed_in(RoleName.ADMIN, step_up=True)
def go_live() -> Response | tuple[str, int]:
    """Go live; where there is a second admin the first press asks them, and theirs does it."""
    try:
        with after_step_up():
            is_done = going_live.go_live(scope=me().scope, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _live_page(refusal.message), refusal.status
    if is_done:
        flash(_("The service is live. Texts reach everybody from now on."), "done")
    else:
        flash(_("A second admin has been asked. It happens when they agree on this page."), "note")
    return redirect(url_for("setup.live"), 303)


def _start_page(form: FirstAdminForm, works: bool) -> str:
    return render_template("setup/start.html", form=form, works=works)


def _carrier_page(problem: str = "") -> str:
    test = last_test(signed_in_person())
    return render_template(
        "setup/carrier.html",
        carriers=carriers(),
        test=test,
        problem=problem,
    )


def _live_page(problem: str = "") -> str:
    now, actor = clock.now(), me().actor
    approval = open_approval(ApprovalKind.GO_LIVE, going_live.REF, now=now)
    to_do = [step for step in setup_steps(now) if not step.is_done and step.name != "live"]
    return render_template(
        "setup/live.html",
        problem=problem,
        is_live=settings().is_live,
        to_do=to_do,
        held=going_live.texts_held(),
        planned=going_live.texts_planned(now),
        alone=is_lone_admin(actor, now),
        approval=approval,
        is_own=approval is not None and approval.asked_by == actor,
    )
