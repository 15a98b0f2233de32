"""What Doorward must reach: one row a target. Every figure is a ratio or a size; `make bench` fills in the other side."""
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Target:
    key: str
    what: str
    sense: str = "<="  # or ">="
    limit: Optional[float] = None  # None: shown to be known, judged by nobody
    unit: str = "×"

    def is_met(self, value):
        if self.limit is None:
            return None
        return value >= self.limit if self.sense == ">=" else value <= self.limit


TARGETS = (
    Target("me_bare", "GET /users/me with a bearer token, of the bare engine's requests", ">=", 0.75),
    Target("me_fastapi", "the same, of the FastAPI service's", ">=", 100),
    Target("hs256", "a token never seen before, HS256, of the raw HMAC's time", "<=", 3),
    Target("es256", "the same, ES256, of OpenSSL's time", "<=", 1.05),
    Target("rs256", "the same, RS256", "<=", 1.05),
    Target("eddsa", "the same, EdDSA", "<=", 1.05),
    Target("seen", "a token seen before, every check", "<=", 0.5, "µs"),
    Target("sign_in", "sign-ins, of raw Argon2id on the same cores", ">=", 0.95),
    Target("sign_in_p99", "GET /healthz meanwhile, p99", "<=", 10, "ms"),
    Target("refresh", "refresh rotations at 64 clients, of one transaction each", ">=", 20),
    Target("refresh_slow", "the same where a sync takes 5 ms (simulated)", ">=", 20),
    Target("refresh_postgres", "refresh rotations on PostgreSQL, of pgbench's with the same statements", ">=", 0.75),
    Target("start", "start to first answer", "<=", 50, "ms"),
    Target("idle", "idle, resident besides the hash memory", "<=", 12, "MiB"),
    Target("connections", "10,000 idle connections more", "<=", 100, "MiB"),
    Target("growth", "GET /users/{id} with 1,000,000 users, of that with 1,000", "<=", 1.3),
    Target("population_sign_in_sqlite", "a sign-in with 1,000,000 users, of that with 1,000: SQLite", "<=", 1.3),
    Target("population_refresh_sqlite", "a refresh likewise", "<=", 1.3),
    Target("population_sign_in_postgres", "a sign-in with 1,000,000 users, of that with 1,000: PostgreSQL", "<=", 1.3),
    Target("population_refresh_postgres", "a refresh likewise", "<=", 1.3),
    Target("growth_raw", "the look-up in it alone, of the kind that grows most"),
)


@dataclass(frozen=True)
class Finding:
    """What a measurement says about one target: the value, and its two sides in words."""

    key: str
    value: float
    ours: str
    beside: str = ""
