"""Tokens that this server gives and takes back: JWTs of HS256, for one purpose each.

Their secrets are derived from the signing key, so that all servers with that key take them and nobody else
can make them. While keys are rotated, those made with the other key are taken too.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from inngest_fast.domain.settings import signing_key_body

_HEADER: Final = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"  # {"alg":"HS256","typ":"JWT"}
_LONGEST: Final = 64 * 1024

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Tokens:
    """`issue` and `verify` for one purpose, such as "realtime": tokens for another one are not taken.

    Without a key (`dev`) the secret is random: tokens end with the process.
    """

    def __init__(self, purpose: str, signing_key: str = "", fallback: str = "") -> None:
        keys = [key for key in (signing_key, fallback) if signing_key_body(key)]
        self._secrets = [_derived(key, purpose) for key in keys] or [secrets.token_bytes(32)]

    def issue(
        self, subject: str, claims: Mapping[str, object], *, now_ms: int, lifetime_s: int = 0, exp: int = 0
    ) -> str:
        """A token for `subject` with those claims besides: for so many seconds from now, or until `exp`, in
        unix seconds. `claims` have none of sub, iat and exp.
        """
        now_s = now_ms // 1_000
        body = {**claims, "sub": subject, "iat": now_s, "exp": exp or now_s + lifetime_s}
        signed = _HEADER + b"." + _base64(_encode(body))
        return (signed + b"." + _base64(_mac(self._secrets[0], signed))).decode("ascii")

    def verify(self, token: str, *, now_ms: int) -> dict[str, Any] | None:
        """The claims of a token of this purpose that has not expired, `sub` among them; else None."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        signed, _, mac = token.encode("ascii").rpartition(b".")
        header, _, body = signed.partition(b".")
        # The one header that is ever written: so nobody chooses another algorithm, or none.
        if not hmac.compare_digest(header, _HEADER):
            return None
        good = False
        for secret in self._secrets:
            good |= hmac.compare_digest(mac, _base64(_mac(secret, signed)))
        if not good:
            return None
        try:
            claims = _decode(base64.b64decode(body + b"=" * (-len(body) % 4), altchars=b"-_", validate=True))
        except (binascii.Error, msgspec.DecodeError):
            return None
        exp = claims.get("exp")
        if type(exp) is not int or now_ms >= exp * 1_000 or not isinstance(claims.get("sub"), str):
            return None
        return claims


@lru_cache(maxsize=64)
def tokens_of(purpose: str, signing_key: str = "", fallback: str = "") -> Tokens:
    """The ones of this process: also without a key all its surfaces take each other's tokens."""
    return Tokens(purpose, signing_key, fallback)


def _derived(signing_key: str, purpose: str) -> bytes:
    body = signing_key_body(signing_key)
    try:
        key = bytes.fromhex(body)  # its case, too, says nothing
    except ValueError:
        key = body.encode("utf-8", "surrogatepass")
    return _mac(key, b"inngest-fast token: " + purpose.encode())


def _mac(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, "sha256")


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
