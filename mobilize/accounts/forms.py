"""The forms of sign-in and people, and the labels of roles and devices."""

from urllib.parse import urlsplit

from wtforms import (
    DateField,
    HiddenField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import Device, RoleName
from mobilize.accounts.tokens.models import ApiScope
from mobilize.languages import _
from mobilize.web.page_form import PageForm


def local_path(typed: str | None) -> str | None:
    """`typed` when it is a path on this site, else None: nobody is sent elsewhere after signing in."""
    if not typed or len(typed) > 500 or not typed.startswith("/") or not typed.isprintable():
        return None
    # Browsers read a backslash as a slash, and two slashes as another host.
    if "\\" in typed or typed.startswith("//"):
        return None
    parts = urlsplit(typed)
    return typed if not parts.scheme and not parts.netloc else None


def device_choices() -> list[tuple[str, str]]:
    """(value, label) of every device, in the reader's language."""
    return [(device.value, device_word(device)) for device in Device]


class PhoneForm(PageForm):
    """`next` is a path on this site, or None."""

    phone = StringField(default="")
    next = HiddenField(filters=[local_path])


class CodeForm(PageForm):
    code = StringField(default="")
    next = HiddenField(filters=[local_path])


class ProofForm(PageForm):
    """The second step: a passkey's answer, or what was typed. `step_there` is where to go on.

    The names set these fields apart from those of the form that the step-up page carries.
    """

    step_credential = HiddenField(default="")
    step_code = StringField(default="")
    step_there = HiddenField(filters=[local_path])


class StepUpForm(ProofForm):
    """`step_posts` says that the carried form is to be sent; `step_do` asks for a code by text."""

    step_posts = HiddenField()
    step_do = HiddenField()


class PasskeyForm(PageForm):
    """A new passkey, and its owner's name for it."""

    step_credential = HiddenField(default="")
    step_name = StringField(default="")


class DeviceForm(PageForm):
    device = SelectField(choices=device_choices)


class PersonSearchForm(PageForm):
    q = StringField(default="")


class InviteForm(PageForm):
    """`role` offers what the inviter's scope may give; `area` the areas there are."""

    name = StringField()
    phone = StringField()
    role = SelectField()
    site = StringField()
    area = SelectField(validate_choice=False)  # only the office is asked; `find_area` refuses what is none
    from_on = DateField(validators=[Optional()])

    def offer(self, scope: Scope, areas: list[str]) -> "InviteForm":
        labels = {
            "name": _("Name"),
            "phone": _("Mobile number"),
            "role": _("Role"),
            "site": _("Site"),
            "area": _("Area"),
            "from_on": _("First day"),
        }
        for name, label in labels.items():
            self[name].label.text = label
        roles = [role for role in RoleName if _may_give(scope, role)]
        self.role.choices = [SelectChoice(role.value, role_word(role)) for role in roles]
        self.area.choices = [SelectChoice("", _("none")), *[SelectChoice(name, name) for name in areas]]
        return self


class TermForm(PageForm):
    """A role's first and last day. An empty last day is no end."""

    from_on = DateField(validators=[Optional()])
    last_on = DateField(validators=[Optional()])


class EndRoleForm(PageForm):
    """Why a role ends: the term is over, or it is taken for cause."""

    why = RadioField(choices=["term", "cause"])


class ChairFileForm(PageForm):
    """The yearly list of chairs, and from which day on it holds. No day is today."""

    from_on = DateField(validators=[Optional()])


class TokenForm(PageForm):
    """A program's token: `area` offers the areas of its maker, `days` for how long."""

    label = StringField(default="")
    scopes = SelectMultipleField(option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False))
    area = SelectField()
    days = SelectField()
    reason = StringField(default="")

    def offer(self, areas: list[SelectChoice]) -> "TokenForm":
        labels = {
            "label": _("Which program, and who looks after it"),
            "scopes": _("It may"),
            "area": _("Where"),
        }
        labels |= {"days": _("For how long"), "reason": _("What the names are for")}
        for name, label in labels.items():
            self[name].label.text = label
        self.scopes.choices = [SelectChoice(one.value, words) for one, words in token_scope_words().items()]
        self.area.choices = areas
        return self


def token_scope_words() -> dict[ApiScope, str]:
    """What each scope of a token opens, in the reader's language."""
    return {
        ApiScope.READ: _("read places, actions and events, and what may be told outside"),
        ApiScope.FIGURES: _("read the counts by name of every chapter"),
        ApiScope.REPORT: _("report check-ins, head counts and supporters"),
        ApiScope.PLAN: _("plan campaigns, actions and events, write drafts, and stop texts and webhooks"),
        ApiScope.NAMES: _(
            "read members' names and who came; with planning change the roster, with reporting match walk-ins"
        ),
        ApiScope.PHONES: _("read members' phone numbers"),
    }


def role_word(role: RoleName) -> str:
    """The name of a role, in the reader's language."""
    words = {
        RoleName.ADMIN: _("admin"),
        RoleName.ORGANIZER: _("organizer"),
        RoleName.CHAIR: _("chapter chair"),
        RoleName.COCHAIR: _("co-chair"),
        RoleName.VICE_CHAIR: _("vice chair"),
    }
    return words[role]


def device_word(device: Device | None) -> str:
    """The name of a device, in the reader's language."""
    words = {
        Device.PHONE: _("My phone"),
        Device.TABLET: _("My tablet"),
        Device.COMPUTER: _("My computer"),
        Device.OFFICE: _("A computer at the office"),
    }
    return words[device] if device else _("A browser without a name")


def _may_give(scope: Scope, role: RoleName) -> bool:
    return scope.everything or role not in {RoleName.ADMIN, RoleName.ORGANIZER}
