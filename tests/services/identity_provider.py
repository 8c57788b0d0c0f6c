"""A stand-in for a union's identity provider: discovery, keys, and tokens for codes that a test gives out."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "mobilize", "a-secret-of-the-client-that-is-long-enough"


class IdentityProvider:
    """`log_in` plays the person at the provider's page: it returns where their browser is sent back to.

    `claims` change those of the next token, `signed_by` who signs it.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.claims: dict[str, Any] = {}
        self.signed_by: Any = ("RS256", self.key)
        self.codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                documents = {
                    "/.well-known/openid-configuration": provider.metadata,
                    "/keys": provider.key_set,
                }
                self._answer(documents[self.path]() if self.path in documents else None)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
                is_client = self.headers.get("Authorization") == f"Basic {basic}"
                self._answer(provider.token({n: v[0] for n, v in form.items()}) if is_client else None)

            def _answer(self, body: Any) -> None:
                data = json.dumps(body or {"error": "invalid_grant"}).encode()
                self.send_response(200 if body else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self._server.server_address[1]}"

    def metadata(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{end}" for name, end in ends.items()}

    def key_set(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def log_in(self, url: str, subject: str = "ada-at-the-union", **claims: Any) -> str:
        request = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert request["response_type"] == "code" and request["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = request
        self.claims = {"sub": subject, "email": "ada@union.example", **claims}
        back = urlsplit(request["redirect_uri"])
        return f"{back.path}?code={code}&state={request['state']}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Each code once, for whoever proves to have asked for it."""
        request = self.codes.pop(form["code"], None)
        if request is None:
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != request["code_challenge"]:
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": request["nonce"]}
        algorithm, key = self.signed_by
        header = {"alg": algorithm, "kid": "one"}
        signed = jwt.encode(header, {**claims, **self.claims}, key, algorithms=[algorithm])
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def shared_secret() -> OctKey:
    """The client's own secret as a key, which the provider does not sign with."""
    return OctKey.import_key(SECRET)
