"""What comes in through the doors of sign-in and people."""

from urllib.parse import urlsplit

from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, SelectChoice, SelectField, StringField
from wtforms.validators import Optional

from mobilize.accounts.models import Device, RoleName
from mobilize.accounts.scope import Scope
from mobilize.languages import _


class PhoneForm(FlaskForm):
    """A public form: it keeps no state, and its origin is asked at the door."""

    class Meta:
        csrf = False

    phone = StringField()
    next = HiddenField()


class CodeForm(FlaskForm):
    class Meta:
        csrf = False

    code = StringField()
    next = HiddenField()


class InviteForm(FlaskForm):
    """`role` offers what the inviter's scope may give; `area` the areas there are."""

    name = StringField()
    phone = StringField()
    role = SelectField()
    site = StringField()
    area = SelectField(validate_choice=False)  # only the office is asked; `find_area` refuses what is none
    from_on = DateField(validators=[Optional()])

    def offer(self, scope: Scope, areas: list[str]) -> "InviteForm":
        roles = [role for role in RoleName if _may_give(scope, role)]
        self.role.choices = [SelectChoice(role.value, role_word(role)) for role in roles]
        self.area.choices = [SelectChoice("", _("none")), *[SelectChoice(name, name) for name in areas]]
        return self


class TermForm(FlaskForm):
    """A role's first and last day. An empty last day is no end."""

    from_on = DateField(validators=[Optional()])
    last_on = DateField(validators=[Optional()])


class ChairFileForm(FlaskForm):
    """The yearly list of chairs, and from which day on it holds. No day is today."""

    from_on = DateField(validators=[Optional()])


def role_word(role: RoleName) -> str:
    """The role in the words of the reader."""
    words = {
        RoleName.ADMIN: _("admin"),
        RoleName.ORGANIZER: _("organizer"),
        RoleName.CHAIR: _("chapter chair"),
        RoleName.COCHAIR: _("co-chair"),
        RoleName.VICE_CHAIR: _("vice chair"),
    }
    return words[role]


def device_word(device: Device | None) -> str:
    """What she calls a browser of hers, in her language."""
    words = {
        Device.PHONE: _("My phone"),
        Device.TABLET: _("My tablet"),
        Device.COMPUTER: _("My computer"),
        Device.OFFICE: _("A computer at the office"),
    }
    return words[device] if device else _("A browser without a name")


def local_path(typed: str | None) -> str | None:
    """`typed` when it is a path on this site, else None: nobody is sent elsewhere after signing in."""
    if not typed or len(typed) > 500 or not typed.startswith("/") or not typed.isprintable():
        return None
    # Browsers read a backslash as a slash, and two slashes as another host.
    if "\\" in typed or typed.startswith("//"):
        return None
    parts = urlsplit(typed)
    return typed if not parts.scheme and not parts.netloc else None


def _may_give(scope: Scope, role: RoleName) -> bool:
    return scope.everything or role not in {RoleName.ADMIN, RoleName.ORGANIZER}
