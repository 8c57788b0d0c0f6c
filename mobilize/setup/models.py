"""The table of one-time addresses at which the first admin sets the service up."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model


class SetupLink(Model):
    """A one-time address for whoever becomes the first admin. Opening it changes nothing, its form does."""

    __tablename__ = "setup_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
