"""Pages of sites, chapters and members."""

import uuid
from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.accounts.queries import holders_in
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster import operations, queries
from mobilize.roster.forms import MemberForm, MemberSearchForm, NumberForm, TransferForm, status_words
from mobilize.roster.models import Member, MembershipRank, Site
from mobilize.roster.routes import bp

PER_PAGE = 100


@bp.get("/sites")
@signed_in(RoleName.ORGANIZER)
def sites() -> str:
    query = request.args
    scope = me().scope
    lines = queries.site_summaries(
        scope.limit, words=query.get("q", ""), area_id=query.get("area", type=uuid.UUID)
    )
    chairs = _sites_with_chair()
    if query.get("chair") in ("yes", "no"):
        lines = [line for line in lines if (line.id in chairs) == (query["chair"] == "yes")]
    pages = max(1, -(-len(lines) // PER_PAGE))
    page = min(max(query.get("page", 1, type=int), 1), pages)
    page_lines = lines[(page - 1) * PER_PAGE : page * PER_PAGE]
    areas = [area for area in queries.areas() if scope.sees_area(area.id)]
    return render_template(
        "roster/sites.html",
        lines=page_lines,
        total=len(lines),
        chairs=chairs,
        areas=areas,
        page=page,
        pages=pages,
    )


@bp.get("/sites/<code>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def site(code: str) -> str:
    site = _site_in_scope(code)
    audit.note(me().actor, "chapter.see", site.id, now=clock.now())
    lines = queries.chapter(site.id)
    chairs = [h for h in holders_in(me().scope, _today(), place=site.code) if h.site and h.site.id == site.id]
    return render_template("roster/site.html", site=site, lines=lines, chairs=chairs, statuses=status_words())


@bp.get("/members")
@signed_in(RoleName.ORGANIZER)
def members() -> str:
    return _search_page(MemberSearchForm(), [], None)


@bp.post("/members")
@signed_in(RoleName.ORGANIZER)
def find_members() -> str:
    """Search members; a POST, so that no name or number gets into an address or a log."""
    form = MemberSearchForm()
    typed, area_id = form.q.data[:120], form.area_id
    scope = me().scope
    audit.note(me().actor, "members.find", area_id or "by number", now=clock.now())
    members = [m for m in queries.members_by_number_or_phone(typed) if _may_see(m)]
    lines = [queries.ChapterLine(m.id, m.person, m.status, None, m.phone_index is not None) for m in members]
    if not lines and area_id and scope.sees_area(area_id):
        lines = queries.members_by_name(typed, area_id)
    return _search_page(form, lines, typed)


@bp.get("/members/new")
@signed_in(RoleName.ORGANIZER)
def new_member() -> str:
    return render_template("roster/new_member.html", form=MemberForm(), site=_site_of_query())


@bp.post("/members/new")
@signed_in(RoleName.ORGANIZER)
def add_member() -> str | tuple[str, int] | Response:
    form, at = MemberForm(), _site_of_query()
    if form.validate():
        try:
            member = operations.add_member(
                form.number.data or "", form.details(), at.id if at else None, by=me().actor, now=clock.now()
            )
        except Refused as refusal:
            form.form_errors.append(refusal.message)
        else:
            flash(_("Added."), "done")
            return redirect(url_for("roster.member", member_id=member.id))
    return render_template("roster/new_member.html", form=form, site=at), 422


@bp.get("/members/<uuid:member_id>")
@signed_in(RoleName.ORGANIZER)
def member(member_id: uuid.UUID) -> str:
    member = _member_in_scope(member_id)
    audit.note(me().actor, "member.see", member.id, now=clock.now())
    name = member.person
    form = MemberForm(
        first=name.first,
        last=name.last,
        preferred=name.preferred,
        phone=member.phone or "",
        language=member.language,
        status=member.status.value,
    )
    return _member_page(member, form)


@bp.post("/members/<uuid:member_id>")
@signed_in(RoleName.ORGANIZER, step_up=True)
def correct_member(member_id: uuid.UUID) -> str | tuple[str, int] | Response:
    member = _member_in_scope(member_id)
    form = MemberForm()
    if form.validate():
        try:
            operations.correct_member(
                member.id, form.details(), by=me().actor, now=clock.now(), confirm=_step_up_for_a_phone
            )
        except Refused as refusal:
            form.form_errors.append(refusal.message)
        else:
            flash(_("Corrected."), "done")
            return redirect(url_for("roster.member", member_id=member_id))
    return _member_page(member, form), 422


def _step_up_for_a_phone(phone_changes: bool) -> None:
    """Ask for a step-up: whoever has the phone reads and deletes what is stored about the member."""
    require_step_up(needed=phone_changes)


@bp.post("/members/<uuid:member_id>/transfer")
@signed_in(RoleName.ORGANIZER)
def transfer_member(member_id: uuid.UUID) -> Response:
    member = _member_in_scope(member_id)
    form = TransferForm()
    rank = MembershipRank(form.rank.data) if form.validate() else MembershipRank.HOME
    site_id = _target_site(form.site.data.strip())
    operations.transfer_member(member.id, site_id, rank, by=me().actor, now=clock.now())
    flash(_("Transferred, from now on. What was counted before stays where it was."), "done")
    if _may_see(member):
        return redirect(url_for("roster.member", member_id=member.id))
    return redirect(url_for("roster.members"))


@bp.post("/members/<uuid:member_id>/merge")
@signed_in(RoleName.ORGANIZER, step_up=True)
def merge_member(member_id: uuid.UUID) -> Response:
    kept = _member_in_scope(member_id)
    doubles = queries.members_by_number_or_phone(NumberForm().number.data)
    doubles = [double for double in doubles if double.id != kept.id and _may_see(double)]
    if len(doubles) != 1:
        raise Refused(
            "no_member", _("No other member has this number. Write the number of the second entry.")
        )
    with after_step_up():
        operations.merge_members(kept.id, doubles[0].id, by=me().actor, now=clock.now())
    flash(_("Merged. The second entry is gone from all lists."), "done")
    return redirect(url_for("roster.member", member_id=kept.id))


def _search_page(form: MemberSearchForm, lines: list[queries.ChapterLine], typed: str | None) -> str:
    form.offer([area for area in queries.areas() if me().scope.sees_area(area.id)])
    statuses = status_words()
    return render_template("roster/members.html", form=form, lines=lines, typed=typed, statuses=statuses)


def _member_page(member: Member, form: MemberForm) -> str:
    at = queries.sites_of(member.id)
    return render_template(
        "roster/member.html",
        member=member,
        form=form,
        home=at.get(MembershipRank.HOME),
        second=at.get(MembershipRank.SECOND),
    )


def _target_site(code: str) -> uuid.UUID | None:
    if not code:
        return None
    site = queries.site_by_code(code)
    if site is None:
        raise Refused("no_site", _("There is no site with this code."), status=404)
    return site.id


def _site_of_query() -> Site | None:
    """The site in `?site=` for a new member; without one, only the office may add members."""
    code = request.args.get("site", "")
    if code:
        return _site_in_scope(code)
    if not me().scope.everything:
        abort(404)
    return None


def _site_in_scope(code: str) -> Site:
    site = queries.site_by_code(code)
    if site is None or not me().scope.sees(site):
        abort(404)
    return site


def _member_in_scope(member_id: uuid.UUID) -> Member:
    member = db.session.get(Member, member_id)
    if member is None or member.erased_at or member.merged_into_id or not _may_see(member):
        abort(404)
    return member


def _may_see(member: Member) -> bool:
    """Whether the member is in scope: by their sites; without a chapter, for the office only."""
    scope = me().scope
    return scope.everything or any(scope.sees(at) for at in queries.sites_of(member.id).values())


def _sites_with_chair() -> set[uuid.UUID]:
    holders = holders_in(me().scope, _today())
    return {holder.site.id for holder in holders if holder.site and holder.term.role in CHAIRS}


def _today() -> date:
    return clock.local(clock.now(), settings().union_timezone).date()
