"""The phone can tell that the list it kept was not altered there."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from mobilize.checkins.line.list_signature import public_key, signature
from mobilize.checkins.line.queries import ListedMember
from mobilize.database import new_id

ROSA, SAM = ListedMember(new_id(), "Rosa M.", "rosa m", None), ListedMember(new_id(), "Sam É.", "sam e", None)


def check(event_id, people, signed):
    point = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), base64.b64decode(public_key(event_id))
    )
    raw = base64.b64decode(signed)
    text = "\n".join(f"{one.id}\t{one.name}\t{one.searched_in}" for one in people).encode()
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    point.verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))


def test_a_list_as_it_was_signed_is_good_and_any_other_is_not(sqlite_app):
    event, other = new_id(), new_id()
    signed = signature(event, [ROSA, SAM])
    check(event, [ROSA, SAM], signed)
    for people, line in (([ROSA], event), ([SAM, ROSA], event), ([ROSA, SAM], other), ([], event)):
        with pytest.raises(InvalidSignature):
            check(line, people, signed)
