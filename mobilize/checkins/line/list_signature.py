"""Signature of the list that a line's phone keeps for a morning without a network, so that the phone notices
when it was altered there.

ECDSA over P-256 with SHA-256 (FIPS 186-5), which every browser can check; the key is made of ours for each
event, and only its public half leaves the server.
"""

import base64
import uuid
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mobilize.checkins.line.queries import ListedMember
from mobilize.keys import crypto

# The order of P-256's base point (FIPS 186-5, appendix D): a private key is less than it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def public_key(event_id: uuid.UUID) -> str:
    """The key that verifies an event's lists: an uncompressed point, in base 64."""
    point = _key(event_id).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.b64encode(point).decode()


def signature(event_id: uuid.UUID, people: Iterable[ListedMember]) -> str:
    """The signature of a list in the order it is shown, as browsers want it: r and s, in base 64."""
    content = "\n".join(f"{one.id}\t{one.name}\t{one.searched_in}" for one in people)
    r, s = utils.decode_dss_signature(_key(event_id).sign(content.encode(), ec.ECDSA(hashes.SHA256())))
    return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()


def _key(event_id: uuid.UUID) -> ec.EllipticCurvePrivateKey:
    secret = int.from_bytes(crypto.derive(f"list/{event_id}"), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(secret, ec.SECP256R1())
