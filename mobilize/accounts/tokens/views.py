"""The page of tokens: which programs may do what, a new token, showing an approved one, revoking."""

import uuid

from flask import render_template
from wtforms import SelectChoice

from mobilize import clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in, signed_in_person
from mobilize.accounts.forms import TokenForm, token_scope_words
from mobilize.accounts.models import RoleName
from mobilize.accounts.routes import bp
from mobilize.accounts.tokens import operations
from mobilize.accounts.tokens.models import ApiScope, ApiToken
from mobilize.accounts.tokens.operations import DAYS, NewToken
from mobilize.accounts.tokens.queries import OVER, TokenState, state_of, tokens_for
from mobilize.errors import Refused
from mobilize.languages import _, ngettext, say_day
from mobilize.roster.queries import areas


@bp.get("/tokens")
@signed_in(RoleName.ORGANIZER)
def tokens() -> str:
    """One's own tokens, and those of one's areas."""
    return _page(_form())


@bp.post("/tokens")
@signed_in(RoleName.ORGANIZER, step_up=True)
def make_token() -> str | tuple[str, int]:
    """Make a token, and show it: once, here."""
    form = _form()
    if not form.validate():
        return _page(form), 422
    try:
        with after_step_up():
            token, secret = operations.make_token(
                _new_token(form), person=signed_in_person(), scope=me().scope, now=clock.now()
            )
    except Refused as refusal:
        return _page(form, refusal), refusal.status
    return _token_page(token, secret) if secret else _page(_form(fresh=True), waits=True)


@bp.post("/tokens/<uuid:token_id>/show")
@signed_in(RoleName.ORGANIZER, step_up=True)
def show_token(token_id: uuid.UUID) -> str:
    """Show a token that a second person has agreed to: once."""
    with after_step_up():
        token, secret = operations.show_token(token_id, person=signed_in_person(), now=clock.now())
    return _token_page(token, secret)


@bp.post("/tokens/<uuid:token_id>/revoke")
@signed_in(RoleName.ORGANIZER)
def revoke_token(token_id: uuid.UUID) -> str:
    """Revoke a token, at once."""
    token = operations.revoke_token(token_id, person=signed_in_person(), scope=me().scope, now=clock.now())
    return _page(_form(fresh=True), revoked=token)


def _form(*, fresh: bool = False) -> TokenForm:
    form = TokenForm(formdata=None) if fresh else TokenForm()
    scope = me().scope
    own = [area for area in areas() if scope.sees_area(area.id)]
    whole = _("The whole union") if scope.everything else _("All your areas")
    form.offer([SelectChoice("", whole), *[SelectChoice(str(area.id), area.name) for area in own]])
    form.days.choices = [SelectChoice(str(n), ngettext("%(num)s day", "%(num)s days", n)) for n in DAYS]
    if not form.is_submitted() or fresh:
        form.days.data, form.scopes.data = "90", [ApiScope.READ.value]
    return form


def _new_token(form: TokenForm) -> NewToken:
    return NewToken(
        label=form.label.data,
        scopes=frozenset(ApiScope(word) for word in form.scopes.data),
        area=operations.area_named(form.area.data),
        days=int(form.days.data),
        reason=form.reason.data,
    )


def _token_page(token: ApiToken, secret: str) -> str:
    return render_template("accounts/token.html", token=token, secret=secret, scope_words=token_scope_words())


def _page(
    form: TokenForm, refusal: Refused | None = None, *, waits: bool = False, revoked: ApiToken | None = None
) -> str:
    now, person = clock.now(), signed_in_person()
    listed = [(token, state_of(token, now=now)) for token in tokens_for(person, me().scope)]
    return render_template(
        "accounts/tokens.html",
        running=[(token, state) for token, state in listed if state not in OVER],
        over=[(token, state) for token, state in listed if state in OVER],
        form=form,
        refusal=refusal,
        waits=waits,
        revoked=revoked,
        person=person,
        words_of=_words_of,
        state_words=_state_words(),
        say_day=say_day,
    )


def _words_of(token: ApiToken) -> str:
    words = [words for scope, words in token_scope_words().items() if scope in token.scope_set]
    return "; ".join(words)


def _state_words() -> dict[TokenState, str]:
    return {
        TokenState.RUNS: _("in use"),
        TokenState.WAITS: _("waits for a second person"),
        TokenState.AGREED: _("agreed, not shown yet"),
        TokenState.EXPIRED: _("expired"),
        TokenState.ENDED: _("ended with the role of whoever made it"),
        TokenState.REVOKED: _("revoked"),
    }
