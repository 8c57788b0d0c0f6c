"""The secret under which blind indexes are made: one row, sealed like a name, so that keys can be exchanged
without touching an index (docs/decisions/0005)."""

import base64
import uuid
from datetime import datetime

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, SealedText, db
from mobilize.keys import crypto


class IndexKey(Model):
    """The secret of blind indexes: one row, made by a migration. Without it no index can be looked up."""

    __tablename__ = "index_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    secret_enc: Mapped[bytes]
    made_at: Mapped[datetime]

    secret = SealedText()


def init_app(app: Flask) -> None:
    """Let each process read the secret once, when it first needs it."""
    crypto.read_index_secret_by(app, read)


def read() -> bytes:
    """32 bytes. Raises `crypto.CannotOpen` when SECRET_KEYS lacks the key that sealed it."""
    row = db.session.scalars(select(IndexKey).order_by(IndexKey.made_at).limit(1)).one()
    return base64.b64decode(row.secret)
