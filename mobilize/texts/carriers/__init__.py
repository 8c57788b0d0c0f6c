"""The carriers that hand our texts to phones: a module each, of the same shape (`base.CarrierModule`)."""

from mobilize import settings
from mobilize.texts.carriers import telnyx, twilio
from mobilize.texts.carriers.base import CarrierModule, ErrorMeaning

CARRIERS: dict[str, CarrierModule] = {carrier.NAME: carrier for carrier in (twilio, telnyx)}


# Where a carrier sends incoming texts. Behind the `#` Twilio is told to try again, three times, whatever went
# wrong: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
INBOUND_PATHS = {twilio.NAME: "/texts/inbound#rc=3&rp=all", telnyx.NAME: "/texts/telnyx"}


def inbound_address(carrier: str) -> str:
    """The address for incoming texts, as it is typed into the pages of a carrier."""
    return settings().public_base_url + INBOUND_PATHS[carrier]


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
