"""OpenID Connect: the union's own identity provider, asked by authorization code with PKCE (RFC 7636).

Only what is asked of it and what it answers stands here; whom that signs in is in `provider_identities`. The
web waits for no other program than this one: five seconds at most, and a few at once.
"""

import json
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests
from cachetools import TTLCache

from mobilize import settings
from mobilize.errors import Refused
from mobilize.keys import crypto
from mobilize.languages import _

TIMEOUT_S = 5
LASTS = timedelta(minutes=10)
_PURPOSE = "identity provider"
_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "Ed25519"]
# What `amr` names (RFC 8176, and what large providers write there), by kind: each of them is one factor.
_KNOWLEDGE = frozenset({"pwd", "pin", "kba"})
_POSSESSION = frozenset({"otp", "sms", "tel", "hwk", "swk", "pop", "sc", "fido"})
_INHERENCE = frozenset({"face", "fpt", "iris", "retina", "vbm"})
# Claims in which a provider names an account or its domain; only the first one is always an address.
_NAMING = ("email", "upn", "preferred_username", "hd")
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)\.?")
_cache: TTLCache[str, Any] = TTLCache(8, 300)
_lock = threading.Lock()
_at_once = threading.BoundedSemaphore(4)


@dataclass(frozen=True)
class ProviderRequest:
    """Where the browser goes, and what it keeps meanwhile, sealed."""

    url: str
    kept: str


@dataclass(frozen=True)
class ProviderAnswer:
    """Whom the provider vouches for. `second_factor`: it says that it asked for two of different kinds.
    `link_to` is the person who asked to have this account linked to theirs, or None for signing in."""

    subject: str
    second_factor: bool
    link_to: str | None


def is_set_up() -> bool:
    return bool(settings().oidc_issuer)


def ask(*, link_to: str | None, now: datetime) -> ProviderRequest:
    """Begin: for signing in, or to link an account to who is signed in. Refused: "provider_failed"."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _n in range(3))
    with _client() as client:
        url, _state = client.create_authorization_url(
            _metadata()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    until = int((now + LASTS).timestamp())
    kept = {"state": state, "nonce": nonce, "verifier": verifier, "link_to": link_to, "until": until}
    return ProviderRequest(url, crypto.make_token(_PURPOSE, json.dumps(kept).encode()))


def read_answer(arguments: Mapping[str, str], kept: str, *, now: datetime) -> ProviderAnswer:
    """What came back to the browser that asked. Refused: "provider_failed" for whatever is not right,
    "employer" for an account at the employer's, "no_email" where that cannot be told."""
    opened = crypto.open_token(_PURPOSE, kept)
    pending: dict[str, Any] = json.loads(opened) if opened else {}
    fits = pending and secrets.compare_digest(pending["state"].encode(), arguments.get("state", "").encode())
    if not fits or now.timestamp() > pending["until"] or not arguments.get("code"):
        raise _failed()
    claims = _claims(arguments["code"], pending, now)
    if settings().employer_domains:
        _refuse_employer(claims)
    return ProviderAnswer(str(claims["sub"]), _has_two_factors(claims.get("amr")), pending["link_to"])


def _has_two_factors(amr: Any) -> bool:
    """`mfa` says so; else two methods of different kinds do: what they know, have or are."""
    used = {str(one) for one in amr} if isinstance(amr, list) else set()
    kinds = sum(bool(used & kind) for kind in (_KNOWLEDGE, _POSSESSION, _INHERENCE))
    return "mfa" in used or kinds > 1


def _claims(code: str, pending: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The claims of the ID token for this code, checked as OpenID Connect Core 1.0, 3.1.3.7 says."""
    from authlib.integrations.base_client import OAuthError  # for the few unions that have a provider
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    if not _at_once.acquire(blocking=False):
        raise _failed()
    try:
        with _client() as client:
            token = client.fetch_token(
                _metadata()["token_endpoint"], code=code, code_verifier=pending["verifier"], timeout=TIMEOUT_S
            )
        keys = KeySet.import_key_set(_fetched(_metadata()["jwks_uri"]))
        claims = dict(jwt.decode(str(token["id_token"]), keys, algorithms=_ALGORITHMS).claims)
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=60,
            iss={"essential": True, "value": settings().oidc_issuer},
            aud={"essential": True, "value": settings().oidc_client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": pending["nonce"]},
        )
        rules.validate(claims)
    except (OAuthError, JoseError, requests.RequestException, ValueError, KeyError, TypeError) as problem:
        raise _failed() from problem
    finally:
        _at_once.release()
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != settings().oidc_client_id:
        raise _failed()
    return claims


def _client() -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    chosen = settings()
    return OAuth2Session(
        chosen.oidc_client_id,
        chosen.oidc_client_secret,
        scope="openid email",
        redirect_uri=f"{chosen.public_base_url}/sign-in/provider/back",
        code_challenge_method="S256",
    )


def _metadata() -> dict[str, Any]:
    issuer = settings().oidc_issuer
    metadata: dict[str, Any] = _fetched(f"{issuer}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise _failed()
    return metadata


def _fetched(url: str) -> Any:
    """What is there, five minutes old at most. No redirects: the address is the operator's."""
    with _lock:
        if url in _cache:
            return _cache[url]
    try:
        response = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)
        response.raise_for_status()
        body = response.json()
    except (requests.RequestException, ValueError) as problem:
        raise _failed() from problem
    with _lock:
        _cache[url] = body
    return body


def _refuse_employer(claims: Mapping[str, Any]) -> None:
    """By every claim that may name a domain. Refused: "employer"; "no_email" where `email`, or another one
    that looks like an address, is not one address, since nobody could tell then whose account it is."""
    names = {name: claims[name] for name in _NAMING if claims.get(name) is not None}
    if "email" not in names or not all(_is_readable(name, value) for name, value in names.items()):
        message = _("That account brings no e-mail address that we can read. It opens nothing here.")
        raise Refused("no_email", message, status=403)
    if any(_is_employers(value) for value in names.values()):
        raise Refused(
            "employer", _("That is an account of the employer's. It opens nothing here."), status=403
        )


def _is_readable(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return bool(_ADDRESS.fullmatch(value)) or (name != "email" and "@" not in value)


def _is_employers(name: str) -> bool:
    domain = name.rpartition("@")[2].strip().lower().rstrip(".")
    employers = settings().employer_domains
    return any(domain == one or domain.endswith(f".{one}") for one in employers)


def _failed() -> Refused:
    message = _("That did not work. Sign in with a code on your phone instead.")
    return Refused("provider_failed", message, status=502)
