"""The body of `POST /fn/register`: decoded, identified and checked, in the order of sdk-protocol §1.4."""

import hashlib

import msgspec

from inngest_fast.domain.app_urls import normalise_app_url
from inngest_fast.domain.errors import InvalidFunctionError, SyncRefusedError
from inngest_fast.domain.functions import FunctionConfig
from inngest_fast.engine.registration.fields import Fields, Problems, kind_of
from inngest_fast.engine.registration.function import read_function
from inngest_fast.engine.registration.sdk_versions import is_denied

MAX_BODY_BYTES = 16 * 1024 * 1024
_MAX_DEPTH = 64
_UNHASHED = "featureobservations"


class Registration(msgspec.Struct, frozen=True):
    """A sync that may be stored. `url` and the functions' URLs are normalised."""

    url: str
    app_name: str
    checksum: str  # hex SHA-256 of the canonical request without featureObservations
    functions: tuple[FunctionConfig, ...]
    sdk: str = ""
    framework: str = ""
    app_version: str = ""
    platform: str = ""
    env: str = ""
    deploy_type: str = "ping"
    deploy_id: str = ""
    idempotency_key: str = ""
    capabilities: dict[str, object] = {}


class SyncRequest(msgspec.Struct, frozen=True):
    """A request whose app and checksum are known, and whose functions are still as they were sent."""

    registration: Registration  # with no functions yet
    functions: tuple[object, ...]


def read_registration(body: bytes) -> Registration:
    """The whole way: `parse_registration`, then `validate`."""
    return validate(parse_registration(body))


def parse_registration(body: bytes) -> SyncRequest:
    """Points 2 to 4 of sdk-protocol §1.4: enough to tell an unchanged sync by its checksum.

    Raises SyncRefusedError: `Invalid request: …` for what is no readable request, `App ID required`, and the
    code `sdk_version_denied`.
    """
    decoded = _decode(body)
    problems = Problems("Invalid request")
    fields = Fields(decoded, problems)
    app_name, sdk = fields.text("appName"), fields.text("sdk")
    headers = fields.section("headers") or Fields({}, problems)
    url = fields.text("url")
    framework, app_version = fields.text("framework"), fields.text("appVersion")
    deploy_type, deploy_id = fields.text("deployType") or "ping", fields.text("deployId")
    idempotency_key, functions = fields.text("idempotencyKey"), fields.items("functions")
    platform, env = headers.text("platform"), headers.text("env")
    capabilities = fields.get("capabilities")
    if capabilities is not None and not isinstance(capabilities, dict):
        fields.refuse("capabilities", f"expected an object, got {kind_of(capabilities)}")
    if problems.texts:
        raise SyncRefusedError(problems.texts[0], detail="\n".join(problems.texts))
    if not app_name.strip():
        raise SyncRefusedError("App ID required")
    if is_denied(sdk):
        raise SyncRefusedError(
            f"SDK version {sdk.partition(':')[2]} is refused because of a security hole: use 3.54.0 or later",
            code="sdk_version_denied",
        )
    try:
        url = normalise_app_url(url) if url or deploy_type != "connect" else ""
    except ValueError as error:
        raise SyncRefusedError(f"Invalid request: url: {error}") from None
    registration = Registration(
        url=url,
        app_name=app_name,
        checksum=_checksum(decoded),
        functions=(),
        sdk=sdk,
        framework=framework,
        app_version=app_version,
        platform=platform,
        env=env,
        deploy_type=deploy_type,
        deploy_id=deploy_id,
        idempotency_key=idempotency_key,
        capabilities=dict(capabilities) if isinstance(capabilities, dict) else {},
    )
    return SyncRequest(registration, tuple(functions))


def validate(request: SyncRequest) -> Registration:
    """Point 6 of sdk-protocol §1.4: one bad function refuses the whole sync.

    Raises SyncRefusedError `At least one function is invalid` with every problem as a line of `detail` and
    the first specific wire code, if there is one.
    """
    configs: dict[str, FunctionConfig] = {}
    problems: list[str] = []
    code = ""
    for index, value in enumerate(request.functions):
        try:
            config = read_function(value, where=f"functions[{index}]")
        except InvalidFunctionError as error:
            problems.extend(error.problems)
            if error.code != InvalidFunctionError.code:
                code = code or error.code
            continue
        if config.slug in configs:
            problems.append(f"function '{config.slug}': the id is used by two functions of this sync")
        configs[config.slug] = config
    if problems:
        raise SyncRefusedError("At least one function is invalid", code=code, detail="\n".join(problems))
    return msgspec.structs.replace(request.registration, functions=tuple(configs.values()))


def _decode(body: bytes) -> dict[str, object]:
    if len(body) > MAX_BODY_BYTES:
        raise SyncRefusedError(f"Invalid request: larger than {MAX_BODY_BYTES} bytes")
    try:
        decoded = msgspec.json.decode(body)
    except RecursionError:
        raise SyncRefusedError(f"Invalid request: nested deeper than {_MAX_DEPTH} levels") from None
    except ValueError as error:  # msgspec's own and broken UTF-8
        raise SyncRefusedError(f"Invalid request: {error}") from None
    if not isinstance(decoded, dict):
        raise SyncRefusedError(f"Invalid request: expected an object, got {kind_of(decoded)}")
    if _deeper_than(decoded, _MAX_DEPTH):
        raise SyncRefusedError(f"Invalid request: nested deeper than {_MAX_DEPTH} levels")
    return decoded


def _deeper_than(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _checksum(decoded: dict[str, object]) -> str:
    hashed = {key: value for key, value in decoded.items() if key.lower() != _UNHASHED}
    return hashlib.sha256(msgspec.json.encode(hashed, order="sorted")).hexdigest()
