"""What somebody does on a strike day, in words."""

from mobilize.checkins.models import Duty
from mobilize.languages import _


def duty_words() -> dict[Duty, str]:
    """Each duty as a person says it."""
    return {
        Duty.PICKET: _("At the line"),
        Duty.KITCHEN: _("Kitchen"),
        Duty.PHONES: _("Phones"),
        Duty.CHILDCARE: _("Child care"),
        Duty.SUPPLIES: _("Supplies and driving"),
        Duty.OFFICE: _("Strike office"),
        Duty.OTHER: _("Another duty"),
    }


def duty_choices() -> list[tuple[str, str]]:
    """(value, words) of every duty but the line itself, which is meant where nothing else is said."""
    return [(duty.value, words) for duty, words in duty_words().items() if duty is not Duty.PICKET]
