"""The secret under which blind indexes are made: one row, sealed like a name, so that keys can be exchanged
without touching an index (docs/decisions/0005)."""

import base64
import uuid
from datetime import datetime

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from mobilize import crypto
from mobilize.database import Model, Sealed, db


class IndexKey(Model):
    """The one row is made by a migration. Without it nobody is found by number or phone any more."""

    __tablename__ = "index_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    secret_enc: Mapped[bytes]
    made_at: Mapped[datetime]

    secret = Sealed()


def init_app(app: Flask) -> None:
    """Each process reads it once, when it first looks somebody up."""
    crypto.read_index_secret_by(app, read)


def read() -> bytes:
    """32 bytes. Raises `crypto.CannotOpen` when SECRET_KEYS lacks the key that sealed it."""
    row = db.session.scalars(select(IndexKey).order_by(IndexKey.made_at).limit(1)).one()
    return base64.b64decode(row.secret)
