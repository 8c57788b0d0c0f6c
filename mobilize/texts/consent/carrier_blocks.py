"""Blocks that a carrier keeps itself: whoever texts it the bare word STOP gets nothing from it until the same
carrier hears START.

An opt-out holds at every carrier, for our books stop it. START lifts our opt-out and the block of the carrier
that heard it; another's block stands until it hears START too.
"""

from datetime import datetime

from sqlalchemy import delete, select

from mobilize import settings
from mobilize.database import atomic, db, insert
from mobilize.keys.crypto import blind_index
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.models import CarrierBlock


def note_block(phone: str, carrier: str, *, now: datetime) -> None:
    """This carrier blocks the number from now on; again keeps the first moment."""
    row = {"phone_index": blind_index("phone", phone), "carrier": carrier, "blocked_at": now}
    with atomic() as session:
        session.execute(insert(CarrierBlock).values(row).on_conflict_do_nothing())


def lift_block(phone: str, carrier: str) -> None:
    """This carrier has heard START of the number."""
    of_number = CarrierBlock.phone_index == blind_index("phone", phone)
    with atomic() as session:
        session.execute(delete(CarrierBlock).where(of_number, CarrierBlock.carrier == carrier))


def carriers_that_block(phone: str) -> list[str]:
    """The carriers that still block a number, as far as we know."""
    of_number = CarrierBlock.phone_index == blind_index("phone", phone)
    return list(db.session.scalars(select(CarrierBlock.carrier).where(of_number)))


def numbers_that_block(phone: str) -> list[str]:
    """Our numbers to which this phone would have to text START as well, where there are several carriers."""
    several = len(settings().carriers_set_up) > 1
    blocking = carriers_that_block(phone) if several else []
    return [number for name in blocking for number in CARRIERS[name].numbers()]


def is_left_over(phone: str, carrier: str) -> bool:
    """The number has come back with us, and this carrier's block from before still stands: that it refuses
    is no new opt-out."""
    return carrier in carriers_that_block(phone) and not is_opted_out(phone)
