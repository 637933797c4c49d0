"""Apps and their functions as the store holds them."""

import msgspec

from inngest_fast.domain.functions import FunctionConfig


class App(msgspec.Struct, frozen=True):
    """One synced app, or a placeholder (`name` empty) for a URL that has not synced yet."""

    id: str
    name: str
    url: str
    created_at: int
    updated_at: int
    sdk: str = ""
    framework: str = ""
    checksum: str = ""
    error: str = ""  # stable code or text of sdk-protocol §1.4 and §1.6, "" when healthy
    error_detail: str = ""
    sync_id: str = ""
    app_version: str = ""
    platform: str = ""
    source: str = "sdk"  # "sdk", "url" (given by hand or discovered), "api" or "endpoint"


class Function(msgspec.Struct, frozen=True):
    """A function of an app. It outlives its removal as `archived_at`, for the runs that it had."""

    id: str
    app_id: str
    app_name: str
    slug: str
    version: int
    config: FunctionConfig
    created_at: int
    updated_at: int
    archived_at: int = 0
    paused_at: int = 0
    max_steps: int = 0  # of a run; 0: as for every function
    max_state_size: int = 0

    @property
    def live(self) -> bool:
        return not self.archived_at
