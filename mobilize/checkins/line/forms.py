"""The forms of a line: an item without JavaScript, and a paper sheet."""

import hashlib
import uuid
from datetime import datetime

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SelectChoice, SelectField, StringField, TextAreaField

from mobilize.actions.models import Event
from mobilize.checkins.forms import duty_choices
from mobilize.languages import say_time
from mobilize.web.page_form import PageForm


class LineForm(PageForm):
    """One item of a line page without JavaScript. Its button has `do` = "tick:<id>" or "head_count"."""

    do = StringField(default="")
    nonce = HiddenField()
    n = StringField()
    typed = StringField()
    duty = StringField()
    member = StringField()
    gate = StringField()
    sure = HiddenField()

    @property
    def number(self) -> str:
        return (self.n.data or "").strip()

    @property
    def kind(self) -> str:
        """What its button does, whoever is meant."""
        return (self.do.data or "").partition(":")[0]

    @property
    def typed_in(self) -> str:
        """What somebody typed into its field; "" where it has none."""
        return {"head_count": self.n.data, "walkin": self.typed.data, "new_number": self.typed.data}.get(
            self.kind
        ) or ""

    def item(self, now: datetime) -> dict[str, object]:
        """The same as the page's queue sends it."""
        sent = self.data
        kind, _sep, member = self.do.data.partition(":")
        request = "/".join(str(sent[name]) for name in ("nonce", "do", "n", "typed", "duty", "member"))
        return {
            "kind": kind,
            "nonce": hashlib.sha256(request.encode()).hexdigest()[:32],
            "at": now.isoformat(),
            "member": member or sent["member"] or None,
            "typed": sent["typed"],
            "gate": sent["gate"] or None,
            "duty": sent["duty"] or None if kind == "tick" else None,
            "n": self.number or None,
            "sure": True if self.number == sent["sure"] else None,
        }


class PaperForm(PageForm):
    """A paper sheet, as it is keyed in. `page` names this form: sent twice, it is one entry for each name."""

    page = HiddenField(default=lambda: uuid.uuid4().hex)
    mark = StringField(_("The four letters or digits at the foot of the sheet"), default="")
    shift = SelectField(_("Which shift's sheet?"), default="", validate_choice=False)
    duty = SelectField(_("What did they do?"), default="", validate_choice=False)
    numbers = TextAreaField(
        _("Signed lines"),
        description=_("Like 3 7 12-19. Spaces, commas or new lines, in any order."),
        default="",
    )
    left = TextAreaField(
        _("Signed out"),
        description=_(
            "A line for each time: first the time, then the lines of the sheet. Like 10:30 3 7-9. Whoever "
            "is in none of them counts until the end of the shift."
        ),
        default="",
    )
    walkins = TextAreaField(
        _("People who wrote themselves in"),
        description=_("One on each line: mobile number, member number or name."),
        default="",
    )

    def offer(self, event: Event) -> "PaperForm":
        """With the shifts of this event, by their place in the day, and the duties there are."""
        times = [(say_time(s.starts_at, event.tz), say_time(s.ends_at, event.tz)) for s in event.shifts]
        self.shift.choices = [SelectChoice(str(n), "–".join(pair)) for n, pair in enumerate(times)]
        line = SelectChoice("", _("They stood at the line"))
        self.duty.choices = [line, *(SelectChoice(duty, words) for duty, words in duty_choices())]
        return self
