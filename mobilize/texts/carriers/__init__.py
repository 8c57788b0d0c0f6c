"""The carriers that hand our texts to phones: a module each, of the same shape (`base.CarrierModule`)."""

from mobilize import settings
from mobilize.texts.carriers import telnyx, twilio
from mobilize.texts.carriers.base import CarrierModule, ErrorMeaning

CARRIERS: dict[str, CarrierModule] = {carrier.NAME: carrier for carrier in (twilio, telnyx)}


def set_up() -> list[CarrierModule]:
    """The carriers there is an account with, the one that is preferred first."""
    return [CARRIERS[name] for name in settings().carriers_set_up]


def codes_of(meaning: ErrorMeaning) -> list[int]:
    """The error codes of all carriers that mean this."""
    return sorted(code for carrier in CARRIERS.values() for code in carrier.MEANINGS.get(meaning, ()))


def meaning_of(code: int) -> ErrorMeaning | None:
    """What follows from an error code, whichever carrier it is of: no two use the same."""
    of_all = (pair for carrier in CARRIERS.values() for pair in carrier.MEANINGS.items())
    return next((meaning for meaning, codes in of_all if code in codes), None)
