"""The pages of the yearly change of chairs: choosing a file, reading the plan, carrying it out."""

import uuid
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.forms import ChairFileForm, role_word
from mobilize.accounts.models import ChairChange, RoleName
from mobilize.accounts.people import chairs_jobs
from mobilize.accounts.people.chairs_apply import first_day, staged_plan
from mobilize.accounts.people.chairs_file import check_chairs
from mobilize.accounts.people.chairs_plan import ChairChangeKind, ChairPlan
from mobilize.accounts.routes import bp
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import JobKind
from mobilize.jobs.operations import open_job
from mobilize.languages import Translated, _, in_every_language, say_day


@bp.get("/people/chairs")
@signed_in(RoleName.ADMIN)
def chairs() -> str:
    """The page where a list is chosen."""
    return render_template("accounts/chairs.html", form=ChairFileForm(formdata=None), problem="")


@bp.post("/people/chairs")
@signed_in(RoleName.ADMIN)
def read_chairs() -> Response | tuple[str, int]:
    """Look at the headings, and give the list to a worker."""
    form, upload = ChairFileForm(), request.files.get("file")
    data = upload.read() if upload else b""
    try:
        if not data:
            raise Refused("no_file", _("Choose a file first."))
        if not form.validate():
            raise Refused("bad_dates", _("Type the day like 2026-09-01."))
        first_day(form.from_on.data, clock.now())
        check_chairs(data)
    except Refused as refusal:
        return render_template("accounts/chairs.html", form=form, problem=refusal.message), refusal.status
    file = NamedFile((upload.filename if upload else "") or "", data)
    job = chairs_jobs.start_reading(file, form.from_on.data, by=me().actor, now=clock.now())
    return redirect(url_for("jobs.job", job_id=job.id), 303)


@bp.get("/people/chairs/<uuid:change_id>")
@signed_in(RoleName.ADMIN)
def show_chairs(change_id: uuid.UUID) -> str:
    """The plan: who starts, who ends, who stays, and which lines are refused."""
    change = db.session.get(ChairChange, change_id)
    if change is None:
        abort(404)
    return _page(staged_plan(change, now=clock.now()), change)


@bp.post("/people/chairs/<uuid:change_id>/ask")
@signed_in(RoleName.ADMIN)
def ask_about_chairs(change_id: uuid.UUID) -> Response:
    """Ask another admin to agree to what this page shows."""
    change, now = db.session.get(ChairChange, change_id), clock.now()
    if change is None:
        abort(404)
    plan = staged_plan(change, now=now)
    if plan.wants_second_person:
        approvals.request_approval(
            ApprovalKind.CHAIRS, str(change.id), _in_words(plan), by=me().actor, now=now
        )
    return redirect(url_for("accounts.show_chairs", change_id=change.id), 303)


@bp.post("/people/chairs/<uuid:change_id>/carry-out")
@signed_in(RoleName.ADMIN, step_up=True)
def carry_out_chairs(change_id: uuid.UUID) -> Response:
    """Give the plan to a worker."""
    change, now = db.session.get(ChairChange, change_id), clock.now()
    if change is None:
        abort(404)
    if running := open_job(JobKind.CARRY_OUT_CHAIRS, change.id, me().actor):  # asked for twice
        require_step_up()
        return redirect(url_for("jobs.job", job_id=running.id), 303)
    with after_step_up(), _second_person(change, now):
        job = chairs_jobs.start_carrying_out(change, by=me().actor, now=now)
    return redirect(url_for("jobs.job", job_id=job.id), 303)


@bp.get("/people/chairs/<uuid:change_id>/done")
@signed_in(RoleName.ADMIN)
def carried_out_chairs(change_id: uuid.UUID) -> str:
    """What was done, for a day; chairs who need a link are listed."""
    plan = chairs_jobs.carried_out(change_id, by=me().actor)
    return _page(plan or abort(404))


def _second_person(change: ChairChange, now: datetime) -> AbstractContextManager[str | None]:
    """The second person's approval, or the requester's own when somebody else chose the file; none where few
    terms change."""
    requester, plan, ref = me(), staged_plan(change, now=now), str(change.id)
    if not plan.wants_second_person:
        return nullcontext(None)
    if change.made_by == requester.actor:
        return approvals.second_person(ApprovalKind.CHAIRS, ref, now=now)
    summary = _in_words(plan)
    return approvals.agreeing(
        ApprovalKind.CHAIRS,
        ref,
        summary,
        asked_by=change.made_by,
        by=requester.actor,
        scope=requester.scope,
        now=now,
    )


def _in_words(plan: ChairPlan) -> Translated:
    return in_every_language(
        lambda _code: _(
            "List of chairs from %(day)s on: %(starts)s start, %(ends)s end, of %(current)s there are.",
            day=say_day(plan.from_on),
            starts=len(plan.of(ChairChangeKind.STARTS)),
            ends=len(plan.of(ChairChangeKind.ENDS)),
            current=plan.current,
        )
    )


def _page(plan: ChairPlan, change: ChairChange | None = None) -> str:
    now = clock.now()
    asks = change is not None and plan.wants_second_person and change.made_by == me().actor
    return render_template(
        "accounts/show_chairs.html",
        plan=plan,
        change=change,
        ChairChangeKind=ChairChangeKind,
        role_word=role_word,
        say_day=say_day,
        second_needed=asks,
        approval=approvals.open_approval(ApprovalKind.CHAIRS, str(change.id), now=now)
        if change and asks
        else None,
        alone=approvals.is_lone_admin(me().actor, now),
    )
