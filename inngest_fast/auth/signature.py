"""Signatures between this server and apps, and the bearer tokens that SDKs make of a signing key.

sdk-protocol §6. Keys may have their `signkey-<word>-` prefix everywhere here, or not.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from inngest_fast.domain.settings import signing_key_body

MAX_AGE_S: Final = 300

_BLOCK: Final = 64  # of SHA-256, in bytes


def strip_prefix(key: str) -> str:
    """The key without `signkey-<word>-`."""
    return signing_key_body(key)


def sign(key: str, body: bytes, now_s: int) -> str:
    """The `X-Inngest-Signature` of `body`, which is canonical JSON for a request, or empty."""
    return f"t={now_s}&s={_digest(key, body, str(now_s))}"


def verify(header: str, body: bytes, *, key: str, fallback: str = "", now_s: int) -> bool:
    """Whether a signature was made with either key at most five minutes ago, or ahead.

    `body` is what was signed: the canonical form of a request, the raw bytes of a response.
    """
    time, and_, digest = header.partition("&s=")
    if not and_ or not time.startswith("t="):
        return False
    stamp = time[2:]
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        return False
    if abs(now_s - int(stamp)) > MAX_AGE_S:
        return False
    given = _comparable(digest)
    made = [_digest(each, body, stamp).encode() for each in (key, fallback) if strip_prefix(each)]
    return _any_equal(given, made)


def bearer_token(key: str) -> str:
    """What SDKs send of a key: its prefix and the SHA-256 of its decoded bytes. ValueError if not hex."""
    body = strip_prefix(key)
    return key[: len(key) - len(body)] + hashlib.sha256(bytes.fromhex(body)).hexdigest()


def accepts_bearer(header: str, key: str, fallback: str = "") -> bool:
    """Whether an `Authorization` header carries one of the keys, plain or hashed, with a prefix or not.

    Without any key everything is accepted.
    """
    accepted = _accepted(key, fallback)
    if not accepted:
        return True
    return _any_equal(_comparable(strip_prefix(bearer(header))), accepted)


def bearer(header: str) -> str:
    """The token of an `Authorization: Bearer` header, "" if it has none."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def any_key(given: str, keys: tuple[str, ...]) -> bool:
    """Whether `given` is one of the keys; an empty one never is."""
    return _any_equal(_comparable(given), [_comparable(key) for key in keys]) if given else False


@lru_cache(maxsize=16)
def _accepted(*keys: str) -> list[bytes]:
    accepted = []
    for key in keys:
        body = strip_prefix(key)
        if not body:
            continue
        accepted.append(_comparable(body))
        try:
            accepted.append(hashlib.sha256(bytes.fromhex(body)).hexdigest().encode())
        except ValueError:
            continue  # no hex: `start` refuses such a key, so that only its plain form can be asked for
    return accepted


def _any_equal(given: bytes, accepted: list[bytes]) -> bool:
    found = False
    for each in accepted:  # all of them, so that time does not tell which came close
        found |= hmac.compare_digest(given, each)
    return found


def _digest(key: str, body: bytes, stamp: str) -> str:
    # RFC 2104 from the key's two padded states: the hmac module lets go of the interpreter lock on each use,
    # which costs more than the hash on a busy server.
    inner, outer = _states(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(body + stamp.encode())
    outer.update(inner.digest())
    return outer.hexdigest()


@lru_cache(maxsize=16)
def _states(key: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    secret = _comparable(strip_prefix(key))
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK, b"\0")
    inner = bytes(byte ^ 0x36 for byte in secret)
    outer = bytes(byte ^ 0x5C for byte in secret)
    return hashlib.sha256(inner), hashlib.sha256(outer)


def _comparable(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
