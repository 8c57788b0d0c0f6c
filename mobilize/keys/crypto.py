"""Encryption: AES-GCM for sealed columns, HMAC blind indexes for look-ups, keys derived per purpose.

Keys come from SECRET_KEYS, newest first. New values are sealed with the newest; the id of the key travels
with the value, so older values open until they are sealed again (`mobilize.keys.rotation`). The blind index
must give the same answer for the same number on every row and for ever, so it hangs on a secret of its own,
which lies in the database, sealed like everything else (`blind_index_key`, docs/decisions/0005).
"""

import base64
import hmac
import os
from collections.abc import Callable
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, current_app

from config import SecretKey

_NONCE = 12
_INDEX = 16
_INDEX_SECRET = "mobilize index secret"  # noqa: S105 - where it is kept, not what it is


class CannotOpen(Exception):
    """A sealed value was moved, altered, or sealed with a key this process does not have."""


def seal(text: str, place: bytes) -> bytes:
    """`text` sealed for one `place` (table, column and row): it opens nowhere else.

    Layout: length of the key id, key id, 12 random bytes, AES-256-GCM ciphertext with tag.
    """
    return seal_bytes(text.encode(), place)


def seal_bytes(content: bytes, place: bytes) -> bytes:
    """The same of bytes, for a part of a file."""
    key = _keys()[0]
    nonce = os.urandom(_NONCE)
    return head_of(key.id) + nonce + _cipher(key, b"columns").encrypt(nonce, content, place)


def unseal(sealed: bytes, place: bytes) -> str:
    """The text `seal` was given. Raises `CannotOpen`, which names no content."""
    return unseal_bytes(sealed, place).decode()


def unseal_bytes(sealed: bytes, place: bytes) -> bytes:
    """The bytes `seal_bytes` was given. Raises `CannotOpen`."""
    key_id, rest = key_id_of(sealed), sealed[1 + sealed[0] :]
    key = next((key for key in _keys() if key.id == key_id), None)
    if key is None:
        raise CannotOpen(f"no key with the id {key_id!r}")
    try:
        return _cipher(key, b"columns").decrypt(rest[:_NONCE], rest[_NONCE:], place)
    except InvalidTag:
        raise CannotOpen("the value does not belong to this place") from None


def head_of(key_id: str) -> bytes:
    """The first bytes of every value that the key with this id sealed."""
    return bytes([len(key_id)]) + key_id.encode()


def key_id_of(sealed: bytes) -> str:
    """The id of the key that sealed a value."""
    return sealed[1 : 1 + sealed[0]].decode()


def blind_index(purpose: str, value: str) -> bytes:
    """16 bytes that are equal for equal values of one purpose ("phone", "number"), to look them up by."""
    key = _expanded(_index_secret(), f"index/{purpose}".encode())
    return _mac(key, value.encode())[:_INDEX]


def read_index_secret_by(app: Flask, read: Callable[[], bytes]) -> None:
    """Set the reader of the application's secret for blind indexes; it is called once, when first needed."""
    app.extensions[_INDEX_SECRET] = [read]


def derive(purpose: str) -> bytes:
    """A 32-byte key for one purpose, e.g. "event/<id>" for its rotating codes; from the newest key."""
    return _derived(_keys()[0], purpose.encode())


def sign(purpose: str, text: str) -> str:
    """A tag (32 hex letters, half of an HMAC-SHA256) that `is_signed` accepts for the same text."""
    return _tag(_keys()[0], purpose, text)


def is_signed(purpose: str, text: str, tag: str) -> bool:
    """True for a tag `sign` made under any listed key."""
    return any(hmac.compare_digest(_tag(key, purpose, text).encode(), tag.encode()) for key in _keys())


def make_token(purpose: str, data: bytes) -> str:
    """`data` sealed as a part of an address; the same each time, and good for ever: it hangs on the secret of
    the indexes (AES-SIV, RFC 5297)."""
    sealed = _siv(purpose).encrypt(data, [purpose.encode()])
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def open_token(purpose: str, token: str) -> bytes | None:
    """What `make_token` was given; None for anything that it did not make."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return _siv(purpose).decrypt(sealed, [purpose.encode()])
    except (ValueError, InvalidTag):
        return None


def link(data: bytes) -> bytes:
    """32 bytes of a keyed hash that chains `data`; nobody without the keys can compute them."""
    return _mac(_expanded(_index_secret(), b"chain"), data)


def fingerprint(body: bytes) -> bytes:
    """32 bytes of a request's body, to tell a repeat from a different request under the same nonce.

    Keyed: a body may be no more than a phone number, and all of a city's are tried in minutes.
    """
    return _mac(_expanded(_index_secret(), b"fingerprint"), body)


def _siv(purpose: str) -> AESSIV:
    return AESSIV(_expanded(_index_secret(), f"token/{purpose}".encode()))


def _index_secret() -> bytes:
    held = current_app.extensions[_INDEX_SECRET]
    if callable(held[0]):
        held[0] = held[0]()
    secret: bytes = held[0]
    return secret


def _keys() -> tuple[SecretKey, ...]:
    keys: tuple[SecretKey, ...] = current_app.config["MOBILIZE"].secret_keys
    return keys


def _mac(key: bytes, data: bytes) -> bytes:
    # `hmac.digest` releases the interpreter lock each time, and under load another thread takes it.
    return hmac.new(key, data, "sha256").digest()


def _tag(key: SecretKey, purpose: str, text: str) -> str:
    return _mac(_derived(key, purpose.encode()), text.encode()).hex()[:32]


@cache
def _cipher(key: SecretKey, purpose: bytes) -> AESGCM:
    return AESGCM(_derived(key, purpose))


def _derived(key: SecretKey, purpose: bytes) -> bytes:
    return _expanded(key.secret, purpose)


@cache
def _expanded(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mobilize/" + purpose).derive(secret)
