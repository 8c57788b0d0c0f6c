"""The member's page: what is held about them, in plain words, and what they can do about it."""

import json

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import anyone
from mobilize.accounts.forms import CodeForm, PhoneForm
from mobilize.accounts.sign_in.sessions import cookie_name, give_cookie, take_cookie
from mobilize.checkins.calendar.feeds import address_of_member
from mobilize.checkins.member.personal_links import end_links
from mobilize.errors import Refused
from mobilize.keys.tokens import random_token
from mobilize.languages import language
from mobilize.privacy.forms import DeleteForm, PreferencesForm
from mobilize.privacy.labels import questions_on_page
from mobilize.privacy.member_page import preferences, sessions
from mobilize.privacy.models import Visit
from mobilize.privacy.queries import card_of
from mobilize.privacy.retention import erasure
from mobilize.privacy.retention.report import held_about, traces_of
from mobilize.privacy.routes import bp
from mobilize.roster.forms import NumberForm, status_words
from mobilize.roster.models import Member

ASKER, PAGE = "me-asks", "me"


@bp.get("/me")
@anyone
def me() -> str:
    """The page for the phone number."""
    return render_template("privacy/me.html", form=PhoneForm(formdata=None))


@bp.post("/me")
@anyone
def ask() -> Response | tuple[str, int]:
    """Store the request and go on to the code: the same for everybody, on the roster or not."""
    form = PhoneForm()
    browser = request.cookies.get(cookie_name(ASKER)) or random_token()
    try:
        sessions.ask_to_see(form.phone.data, browser, language=language(), now=clock.now())
    except Refused as refusal:
        form.phone.errors = [refusal.message]
        return render_template("privacy/me.html", form=form), refusal.status
    response = redirect(url_for("privacy.code"), 303)
    give_cookie(response, ASKER, browser, lasts=sessions.LASTS, strict=True)
    return response


@bp.get("/me/code")
@anyone
def code() -> str | Response:
    """The page for the code; where no texts leave, the one that says so."""
    if not settings().carriers_set_up:
        return redirect(url_for("privacy.me"), 303)
    return render_template("privacy/code.html", form=CodeForm(formdata=None))


@bp.post("/me/code")
@anyone
def open_page() -> Response | tuple[str, int]:
    """Open the page with the code, or say that it does not fit."""
    form, browser = CodeForm(), request.cookies.get(cookie_name(ASKER), "")
    try:
        token = sessions.open_visit(form.code.data, browser, now=clock.now())
    except Refused as refusal:
        form.code.errors, form.code.data = [refusal.message], ""
        return render_template("privacy/code.html", form=form), refusal.status
    response = redirect(url_for("privacy.held"), 303)
    take_cookie(response, ASKER)
    give_cookie(response, PAGE, token, lasts=sessions.LASTS, strict=True)
    return response


@bp.get("/me/held")
@anyone
def held() -> Response | str:
    """The page of what is held about the member."""
    visit, member = _here()
    if visit is None:
        return redirect(url_for("privacy.me"), 303)
    if member is None:
        return render_template("privacy/which.html", problem="")
    return render_template(
        "privacy/held.html",
        card=card_of(member),
        status=status_words().get(member.status, member.status),
        asks=questions_on_page(),
        calendar=address_of_member(member.id),
    )


@bp.post("/me/which")
@anyone
def which() -> Response | tuple[str, int]:
    """Choose the member by their number, where several share the phone."""
    visit, _member = _here()
    if visit is None:
        return _start_again()
    try:
        sessions.choose_member(visit, NumberForm().number.data, now=clock.now())
    except Refused as refusal:
        return render_template("privacy/which.html", problem=refusal.message), refusal.status
    return _back()


@bp.post("/me/wish")
@anyone
def wish() -> Response:
    """Set a preference: language, urgent texts, texts at all, the links in them; one button each."""
    _visit, member = _here()
    if member is None:
        return _start_again()
    now, form = clock.now(), PreferencesForm()
    if form.language.data is not None:
        preferences.choose_language(member.id, form.language.data, now=now)
    elif form.urgent.data is not None:
        preferences.agree_to_urgent(member.id, form.urgent.data == "yes", now=now)
    elif form.texts.data is not None:
        preferences.stop_texts(member.id, form.texts.data == "stop", now=now)
    elif form.links.data is not None:
        end_links(member.id, actor=preferences.ACTOR, now=now)
        return redirect(url_for("privacy.held", links="ended"), 303)
    return _back()


@bp.get("/me/held.json")
@anyone
def export_mine() -> Response:
    """Every row about the member, as a file."""
    _visit, member = _here()
    if member is None:
        return _start_again()
    tables = held_about(traces_of(member, include_phone=sessions.has_unshared_phone(member)))
    content = json.dumps(
        {part.table: part.rows for part in tables}, ensure_ascii=False, indent=2, default=str
    )
    named = {"Content-Disposition": 'attachment; filename="held-about-me.json"'}
    return current_app.response_class(content, mimetype="application/json", headers=named)


@bp.get("/me/delete")
@anyone
def delete() -> Response | str:
    """The page that says what deleting does."""
    _visit, member = _here()
    return render_template("privacy/delete.html", problem="") if member else _start_again()


@bp.post("/me/delete")
@anyone
def delete_now() -> Response | str | tuple[str, int]:
    """Erase the member and close the page."""
    _visit, member = _here()
    if member is None:
        return _start_again()
    try:
        erasure.erase_member(member.id, by="member", now=clock.now(), stop_texts=DeleteForm().stop_texts.data)
    except Refused as refusal:
        return render_template("privacy/delete.html", problem=refusal.message), refusal.status
    response = redirect(url_for("privacy.gone"), 303)
    take_cookie(response, PAGE)
    return response


@bp.get("/me/gone")
@anyone
def gone() -> str:
    """The page after deleting. The same for whoever opens it."""
    return render_template("privacy/gone.html")


@bp.post("/me/leave")
@anyone
def leave() -> Response:
    """Close the page before its quarter of an hour is over."""
    visit, _member = _here()
    if visit is not None:
        sessions.end_visit(visit, now=clock.now())
    response = redirect(url_for("privacy.me"), 303)
    take_cookie(response, PAGE)
    return response


def _here() -> tuple[Visit | None, Member | None]:
    visit = sessions.current_visit(request.cookies.get(cookie_name(PAGE)), now=clock.now())
    return visit, sessions.member_of(visit) if visit else None


def _start_again() -> Response:
    return redirect(url_for("privacy.me"), 303)


def _back() -> Response:
    return redirect(url_for("privacy.held"), 303)
