"""A passkey in software: WebAuthn with ES256 and no attestation, to answer our challenges, and to lie."""

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, CREDENTIAL_INCLUDED = 0x01, 0x04, 0x40


class Authenticator:
    """One key of one person at `rp_id`. `count` is its signature counter; `unlocks`: it asks for their finger
    or PIN; `user`: whose it is, which it learns when it is made."""

    def __init__(self, origin: str, rp_id: str = "localhost", *, unlocks: bool = True):
        self.origin, self.rp_id, self.unlocks = origin, rp_id, unlocks
        self.id, self.count, self.user = os.urandom(32), 0, b""
        self.key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> str:
        """The browser's answer to `navigator.credentials.create`, as our form sends it."""
        self.user = urlsafe_b64decode(options["user"]["id"] + "==")
        public = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: _bytes32(public.x), -3: _bytes32(public.y)})
        held = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        data = self._data(USER_PRESENT | CREDENTIAL_INCLUDED) + held
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options)
        return self._answer({"clientDataJSON": client, "attestationObject": attestation})

    def get(self, options: dict[str, Any]) -> str:
        """The browser's answer to `navigator.credentials.get`."""
        self.count += 1
        data, client = self._data(USER_PRESENT), self._client("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        answer = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._answer({**answer, "userHandle": self.user})

    def _data(self, flags: int) -> bytes:
        flags |= USER_VERIFIED if self.unlocks else 0
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _answer(self, response: dict[str, bytes]) -> str:
        fields = {name: _text(value) for name, value in response.items()}
        return json.dumps(
            {"id": _text(self.id), "rawId": _text(self.id), "type": "public-key", "response": fields}
        )


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes32(number: int) -> bytes:
    return number.to_bytes(32, "big")
