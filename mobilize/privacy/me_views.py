"""The member's page: what is held about her, in plain words, and what she can do about it."""

import json

from flask import Response as Answer
from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import anyone
from mobilize.accounts.forms import CodeForm, PhoneForm
from mobilize.accounts.sessions import cookie_name, give_cookie, take_cookie
from mobilize.checkins.personal import end_links
from mobilize.errors import Refused
from mobilize.languages import LANGUAGES, language
from mobilize.privacy import operations, visits, wishes
from mobilize.privacy.blueprint import bp
from mobilize.privacy.models import Visit
from mobilize.privacy.queries import card_of
from mobilize.privacy.report import held_about, traces_of
from mobilize.privacy.wording import asked_on_page
from mobilize.roster.forms import status_words
from mobilize.roster.models import Member
from mobilize.tokens import random_token

ASKER, PAGE = "me-asks", "me"


@bp.get("/me")
@anyone
def me() -> str:
    """Where she types her number."""
    return render_template("privacy/me.html", form=PhoneForm(formdata=None))


@bp.post("/me")
@anyone
def ask() -> Response | tuple[str, int]:
    """Write it down, and go on to the code: the same for everybody, on the roster or not."""
    form = PhoneForm()
    browser = request.cookies.get(cookie_name(ASKER)) or random_token()
    try:
        visits.ask_to_see(form.phone.data or "", browser, language=language(), now=clock.now())
    except Refused as refusal:
        form.phone.errors = [refusal.message]
        return render_template("privacy/me.html", form=form), refusal.status
    answer = redirect(url_for("privacy.code"), 303)
    give_cookie(answer, ASKER, browser, lasts=visits.LASTS, strict=True)
    return answer


@bp.get("/me/code")
@anyone
def code() -> str:
    """Where she types the code."""
    return render_template("privacy/code.html", form=CodeForm(formdata=None))


@bp.post("/me/code")
@anyone
def open_page() -> Response | tuple[str, int]:
    """Open the page with the code, or say that it does not fit."""
    form, browser = CodeForm(), request.cookies.get(cookie_name(ASKER), "")
    try:
        token = visits.open_visit(form.code.data or "", browser, now=clock.now())
    except Refused as refusal:
        form.code.errors, form.code.data = [refusal.message], ""
        return render_template("privacy/code.html", form=form), refusal.status
    answer = redirect(url_for("privacy.held"), 303)
    take_cookie(answer, ASKER)
    give_cookie(answer, PAGE, token, lasts=visits.LASTS, strict=True)
    return answer


@bp.get("/me/held")
@anyone
def held() -> Response | str:
    """What is held about her."""
    visit, member = _here()
    if visit is None:
        return redirect(url_for("privacy.me"), 303)
    if member is None:
        return render_template("privacy/which.html", problem="")
    return render_template(
        "privacy/held.html",
        card=card_of(member),
        languages=LANGUAGES,
        status=status_words().get(member.status, member.status),
        asks=asked_on_page(),
    )


@bp.post("/me/which")
@anyone
def which() -> Response | tuple[str, int]:
    """Several share the phone: her member number says who she is."""
    visit, _member = _here()
    if visit is None:
        return _start_again()
    try:
        visits.say_which(visit, request.form.get("number", ""), now=clock.now())
    except Refused as refusal:
        return render_template("privacy/which.html", problem=refusal.message), refusal.status
    return _back()


@bp.post("/me/wish")
@anyone
def wish() -> Response:
    """Language, urgent texts, texts at all, the links in them: one button each."""
    _visit, member = _here()
    if member is None:
        return _start_again()
    now, form = clock.now(), request.form
    if "language" in form:
        wishes.choose_language(member.id, form["language"], now=now)
    elif "urgent" in form:
        wishes.agree_to_urgent(member.id, form["urgent"] == "yes", now=now)
    elif "texts" in form:
        wishes.stop_texts(member.id, form["texts"] == "stop", now=now)
    elif "links" in form:
        end_links(member.id, actor=wishes.HERSELF, now=now)
        return redirect(url_for("privacy.held", links="ended"), 303)
    return _back()


@bp.get("/me/held.json")
@anyone
def export_mine() -> Response:
    """Every row about her, as a file."""
    _visit, member = _here()
    if member is None:
        return _start_again()
    found = held_about(traces_of(member, phone_is_hers=visits.phone_is_hers_alone(member)))
    said = json.dumps({part.table: part.rows for part in found}, ensure_ascii=False, indent=2, default=str)
    named = {"Content-Disposition": 'attachment; filename="held-about-me.json"'}
    return Answer(said, mimetype="application/json", headers=named)


@bp.get("/me/delete")
@anyone
def delete() -> Response | str:
    """What deleting does, before it is done."""
    _visit, member = _here()
    return render_template("privacy/delete.html", problem="") if member else _start_again()


@bp.post("/me/delete")
@anyone
def delete_now() -> Response | str | tuple[str, int]:
    """Erase her, and say goodbye."""
    _visit, member = _here()
    if member is None:
        return _start_again()
    try:
        operations.erase_member(
            member.id, by="member", now=clock.now(), stop_texts="stop_texts" in request.form
        )
    except Refused as refusal:
        return render_template("privacy/delete.html", problem=refusal.message), refusal.status
    answer = redirect(url_for("privacy.gone"), 303)
    take_cookie(answer, PAGE)
    return answer


@bp.get("/me/gone")
@anyone
def gone() -> str:
    """It is done. The same for whoever opens it."""
    return render_template("privacy/gone.html")


@bp.post("/me/leave")
@anyone
def leave() -> Response:
    """Close the page before its quarter of an hour is over."""
    visit, _member = _here()
    if visit is not None:
        visits.end_visit(visit, now=clock.now())
    answer = redirect(url_for("privacy.me"), 303)
    take_cookie(answer, PAGE)
    return answer


def _here() -> tuple[Visit | None, Member | None]:
    visit = visits.current_visit(request.cookies.get(cookie_name(PAGE)), now=clock.now())
    return visit, visits.visited(visit) if visit else None


def _start_again() -> Response:
    return redirect(url_for("privacy.me"), 303)


def _back() -> Response:
    return redirect(url_for("privacy.held"), 303)
