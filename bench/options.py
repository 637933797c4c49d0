"""What is to be played, as the command line says it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    """0 for a count means the scenario's own."""

    scenario: str = "all"
    target: str = ""
    signing_key: str = ""
    event_key: str = ""
    pids: list[int] = field(default_factory=list)
    mode: str = "start"
    backends: str = "embedded"
    postgres_uri: str = ""
    redis_uri: str = ""
    replicas: int = 1
    server_arguments: list[str] = field(default_factory=list)
    events: int = 0
    rate: float = 0.0
    connections: int = 32
    in_flight: int = 32
    warmup: int = 200
    waiting: list[int] = field(default_factory=lambda: [10, 10_000])
    batch: int = 100
    crowd: int = 1_000_000
    rounds: int = 3
    keys: int = 10_000
    call_ms: float = 100.0
    probes: int = 100
    throttle: int = 50
    watch: float = 5.0
    starts: int = 5
    payload: int = 256
    settle: float = 1.0
    patience: float = 60.0
    seed: int = 1

    def count(self, usual: int) -> int:
        return self.events or usual
