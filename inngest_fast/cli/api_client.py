"""One request to a server's REST v2, with nothing but the standard library."""

import hashlib
import http.client
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from inngest_fast.cli.api_words import AskError
from inngest_fast.cli.sources import Resolution
from inngest_fast.version import VERSION

CLOUD: Final = "https://api.inngest.com"
LOCAL: Final = "localhost"
PORT: Final = 8288
TIMEOUT_S: Final = 30.0

_PREFIX: Final = re.compile(r"^signkey-\w+-")


class Target(NamedTuple):
    """Where to ask, and with what. `port` None is the scheme's."""

    secure: bool
    host: str
    port: int | None
    base: str
    headers: dict[str, str]
    timeout: float

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"http{'s' if self.secure else ''}://{host}{port}{self.base}"


def target(found: Resolution, flags: Mapping[str, Sequence[str]], env: Mapping[str, str]) -> Target:
    """Raises AskError for a host that is none."""
    own = found.own
    prod = bool(own.get("prod"))
    text = own.get("api-host") or (CLOUD if prod else LOCAL)
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        raise AskError(f"--api-host must be a host or a URL such as https://ops.example.com, got {text!r}")
    if "api-port" in own:
        port = own["api-port"]
    elif port is None and "://" not in text:
        port = PORT
    headers = {"Accept": "application/json", "User-Agent": f"inngest-fast/{VERSION}"}
    if key := _key(found, flags, env, told_only=prod and not _names_config(flags, env)):
        headers["Authorization"] = f"Bearer {key}"
    if environment := own.get("env"):
        headers["X-Inngest-Env"] = environment
    if any(c in value for value in headers.values() for c in "\r\n"):
        raise AskError("a key or environment has a line break in it: give it without")
    timeout = own.get("timeout", TIMEOUT_S)
    if not timeout > 0:
        raise AskError("--timeout must be more than 0, such as 30s")
    base = parts.path.rstrip("/")
    return Target(parts.scheme == "https", host, port, base, headers, timeout)


def _names_config(flags: Mapping[str, Sequence[str]], env: Mapping[str, str]) -> bool:
    return "config" in flags or bool(env.get("INNGEST_CONFIG"))


def _key(
    found: Resolution, flags: Mapping[str, Sequence[str]], env: Mapping[str, str], *, told_only: bool
) -> str:
    """The API key, or else the signing key, hashed as SDKs send it. With `told_only` none of a config file
    that merely was found: its keys are for another server.
    """
    for flag, variable in (("api-key", "INNGEST_API_KEY"), ("signing-key", "INNGEST_SIGNING_KEY")):
        if told_only and flag not in flags and not env.get(variable):
            continue
        key: str = found.own.get("api-key", "") if flag == "api-key" else found.settings.signing_key
        if key:
            return key if flag == "api-key" else _hashed(key)
    return ""


def _hashed(key: str) -> str:
    prefix = _PREFIX.match(key)
    start = prefix.group() if prefix else ""
    try:
        return start + hashlib.sha256(bytes.fromhex(key[len(start) :])).hexdigest()
    except ValueError:
        return key  # the server says what is wrong with it


def ask(place: Target, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
    """Status and body of the answer. Raises AskError."""
    kind = http.client.HTTPSConnection if place.secure else http.client.HTTPConnection
    connection = kind(place.host, place.port, timeout=place.timeout)
    headers = dict(place.headers)
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, f"{place.base}/api/v2{path}", body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except TimeoutError:
        raise AskError(
            f"no answer from {place.url} within {place.timeout:g} s: raise --timeout, or look at the server"
        ) from None
    except ConnectionRefusedError:
        raise AskError(
            f"nothing listens at {place.url}: start a server with 'inngest-fast dev', or name another with "
            "--api-host and --api-port"
        ) from None
    except socket.gaierror:
        raise AskError(f"there is no host {place.host}: give another with --api-host") from None
    except ssl.SSLError as error:
        raise AskError(
            f"no TLS with {place.url}: {error.reason}; http:// in --api-host goes without"
        ) from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise AskError(f"cannot ask {place.url}: {error or type(error).__name__}; check --api-host") from None
    finally:
        connection.close()
