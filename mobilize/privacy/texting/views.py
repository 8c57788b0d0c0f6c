"""The public pages that a carrier asks for: opting in to texts, their terms, and what becomes of a number."""

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import anyone
from mobilize.errors import Refused
from mobilize.languages import language
from mobilize.privacy.forms import OptInForm
from mobilize.privacy.labels import questions_on_page
from mobilize.privacy.routes import bp
from mobilize.privacy.texting.opt_ins import ask_for_texts


@bp.get("/texting")
@anyone
def texting() -> str:
    """The page for the number, with a box that nobody has ticked yet."""
    return _page(OptInForm(formdata=None))


@bp.post("/texting")
@anyone
def opt_in() -> Response | tuple[str, int]:
    """Store the opt-in: the same for everybody, on the roster or not. No text follows."""
    form = OptInForm()
    try:
        ask_for_texts(form.phone.data or "", form.agree.data, language=language(), now=clock.now())
    except Refused as refusal:
        field = form.agree if refusal.code == "not_agreed" else form.phone
        field.errors = [refusal.message]
        return _page(form), refusal.status
    return redirect(url_for("privacy.texting_done"), 303)


@bp.get("/texting/done")
@anyone
def texting_done() -> str:
    """The answer to everybody who opted in."""
    return render_template("privacy/texting_done.html", number=settings().text_number)


@bp.get("/texting/privacy")
@anyone
def texting_privacy() -> str:
    """What becomes of a number and of what is texted."""
    return render_template("privacy/texting_privacy.html", number=settings().text_number)


@bp.get("/texting/terms")
@anyone
def texting_terms() -> str:
    """The terms of the texts."""
    return render_template("privacy/texting_terms.html", number=settings().text_number)


def _page(form: OptInForm) -> str:
    form.agree.label.text = questions_on_page()["texts_agree"]
    return render_template("privacy/texting.html", form=form)
