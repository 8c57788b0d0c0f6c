"""Sites, chapters and members, for whoever may see them."""

import uuid
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock, settings
from mobilize.accounts.entrance import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.accounts.queries import holders_in
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster import operations, queries
from mobilize.roster.forms import MemberForm, status_words
from mobilize.roster.models import Member, Rank, Site

bp = Blueprint("roster", __name__)
PER_PAGE = 100


@bp.get("/sites")
@signed_in(RoleName.ORGANIZER)
def sites() -> str:
    asked = request.args
    scope = me().scope
    lines = queries.site_lines(scope.limit, words=asked.get("q", ""), area_id=asked.get("area", type=_uuid))
    chairs = _sites_with_chair()
    if asked.get("chair") in ("yes", "no"):
        lines = [line for line in lines if (line.id in chairs) == (asked["chair"] == "yes")]
    pages = max(1, -(-len(lines) // PER_PAGE))
    page = min(max(asked.get("page", 1, type=int), 1), pages)
    shown = lines[(page - 1) * PER_PAGE : page * PER_PAGE]
    areas = [area for area in queries.areas() if scope.sees_area(area.id)]
    return render_template(
        "roster/sites.html", lines=shown, found=len(lines), chairs=chairs, areas=areas, page=page, pages=pages
    )


@bp.get("/sites/<code>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def site(code: str) -> str:
    found = _site_in_scope(code)
    audit.note(me().actor, "chapter.see", found.id, now=clock.now())
    lines = queries.chapter(found.id)
    chairs = [
        h for h in holders_in(me().scope, _today(), place=found.code) if h.site and h.site.id == found.id
    ]
    return render_template(
        "roster/site.html", site=found, lines=lines, chairs=chairs, statuses=status_words()
    )


@bp.get("/members")
@signed_in(RoleName.ORGANIZER)
def members() -> str:
    return _search_page([], None)


@bp.post("/members")
@signed_in(RoleName.ORGANIZER)
def find_members() -> str:
    """A POST, so that no name or number ever stands in an address or a log."""
    typed, area_id = request.form.get("q", "")[:120], _uuid(request.form.get("area", ""))
    scope = me().scope
    audit.note(me().actor, "members.find", area_id or "by number", now=clock.now())
    found = [m for m in queries.members_by_number_or_phone(typed) if _may_see(m)]
    lines = [queries.ChapterLine(m.id, m.person, m.status, None, m.phone_bix is not None) for m in found]
    if not lines and area_id and scope.sees_area(area_id):
        lines = queries.members_by_name(typed, area_id)
    return _search_page(lines, typed)


@bp.get("/members/new")
@signed_in(RoleName.ORGANIZER)
def new_member() -> str:
    return render_template("roster/new_member.html", form=MemberForm(), site=_site_asked())


@bp.post("/members/new")
@signed_in(RoleName.ORGANIZER)
def add_member() -> str | tuple[str, int] | Response:
    form, at = MemberForm(request.form), _site_asked()
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
    found = _member_in_scope(member_id)
    audit.note(me().actor, "member.see", found.id, now=clock.now())
    name = found.person
    form = MemberForm(
        first=name.first,
        last=name.last,
        preferred=name.preferred,
        phone=found.phone or "",
        language=found.language,
        status=found.status.value,
    )
    return _member_page(found, form)


@bp.post("/members/<uuid:member_id>")
@signed_in(RoleName.ORGANIZER, step_up=True)
def correct_member(member_id: uuid.UUID) -> str | tuple[str, int] | Response:
    found = _member_in_scope(member_id)
    form, phone_bix = MemberForm(request.form), found.phone_bix
    if form.validate():
        try:
            with atomic():
                operations.correct_member(found.id, form.details(), by=me().actor, now=clock.now())
                # Whoever holds the number reads and deletes what is held about the member.
                require_step_up(needed=found.phone_bix != phone_bix)
        except Refused as refusal:
            form.form_errors.append(refusal.message)
        else:
            flash(_("Corrected."), "done")
            return redirect(url_for("roster.member", member_id=member_id))
    return _member_page(found, form), 422


@bp.post("/members/<uuid:member_id>/transfer")
@signed_in(RoleName.ORGANIZER)
def transfer_member(member_id: uuid.UUID) -> Response:
    found = _member_in_scope(member_id)
    rank = Rank.SECOND if request.form.get("rank") == Rank.SECOND else Rank.HOME
    site_id = _target_site(request.form.get("site", "").strip())
    operations.transfer_member(found.id, site_id, rank, by=me().actor, now=clock.now())
    flash(_("Transferred, from now on. What was counted before stays where it was."), "done")
    if _may_see(found):
        return redirect(url_for("roster.member", member_id=found.id))
    return redirect(url_for("roster.members"))


@bp.post("/members/<uuid:member_id>/merge")
@signed_in(RoleName.ORGANIZER, step_up=True)
def merge_member(member_id: uuid.UUID) -> Response:
    kept = _member_in_scope(member_id)
    doubles = queries.members_by_number_or_phone(request.form.get("number", ""))
    doubles = [double for double in doubles if double.id != kept.id and _may_see(double)]
    if len(doubles) != 1:
        raise Refused(
            "no_member", _("No other member has this number. Write the number of the second entry.")
        )
    with after_step_up():
        operations.merge_members(kept.id, doubles[0].id, by=me().actor, now=clock.now())
    flash(_("Merged. The second entry is gone from all lists."), "done")
    return redirect(url_for("roster.member", member_id=kept.id))


def _search_page(lines: list[queries.ChapterLine], typed: str | None) -> str:
    areas = [area for area in queries.areas() if me().scope.sees_area(area.id)]
    statuses = status_words()
    return render_template("roster/members.html", lines=lines, typed=typed, areas=areas, statuses=statuses)


def _member_page(found: Member, form: MemberForm) -> str:
    at = queries.sites_of(found.id)
    return render_template(
        "roster/member.html", member=found, form=form, home=at.get(Rank.HOME), second=at.get(Rank.SECOND)
    )


def _target_site(code: str) -> uuid.UUID | None:
    if not code:
        return None
    found = queries.site_by_code(code)
    if found is None:
        raise Refused("no_site", _("There is no site with this code."), status=404)
    return found.id


def _site_asked() -> Site | None:
    """The site the new member is for; without one, only the office may add her."""
    code = request.args.get("site", "")
    if code:
        return _site_in_scope(code)
    if not me().scope.everything:
        abort(404)
    return None


def _site_in_scope(code: str) -> Site:
    found = queries.site_by_code(code)
    if found is None or not me().scope.sees(found):
        abort(404)
    return found


def _member_in_scope(member_id: uuid.UUID) -> Member:
    found = db.session.get(Member, member_id)
    if found is None or found.erased_at or found.merged_into_id or not _may_see(found):
        abort(404)
    return found


def _may_see(found: Member) -> bool:
    """A member is seen where she belongs; one without a chapter is the office's."""
    scope = me().scope
    return scope.everything or any(scope.sees(at) for at in queries.sites_of(found.id).values())


def _sites_with_chair() -> set[uuid.UUID]:
    holders = holders_in(me().scope, _today())
    return {holder.site.id for holder in holders if holder.site and holder.term.role in CHAIRS}


def _today() -> date:
    return clock.local(clock.now(), settings().union_timezone).date()


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
