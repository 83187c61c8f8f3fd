"""Settings: one tree a house, read from the environment once, in that house's ``__main__``, and handed down.

Every name is ``PHAROS_<FIELD>`` but ``MODE`` and ``PORT``. A missing or wrong one ends the process with exit code 78
and one line that names it.
"""

from __future__ import annotations

import platform
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import ConfigurationError
from shared.timing import Timing

#: The exit code of a process whose settings are wrong (``EX_CONFIG`` of sysexits.h).
EXIT_CONFIG = 78

S = TypeVar("S", bound=BaseSettings)

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip())):
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    if isinstance(value, str):
        raise ValueError("a time is a number and a unit, such as 90s, 15m, 24h or 30d")
    return value


def _words(value: Any) -> Any:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def _postgres_url(value: Any) -> Any:
    if isinstance(value, str) and not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must begin with postgresql://")
    return value


PostgresUrl = Annotated[SecretStr, BeforeValidator(_postgres_url)]
Span = Annotated[timedelta, BeforeValidator(_seconds)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


def _default_node() -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", platform.node().split(".")[0].lower()).strip("-")
    return name[:63].strip("-") or "node"


class SharedSettings(BaseSettings):
    """What both houses need."""

    model_config = SettingsConfigDict(env_prefix="PHAROS_", extra="ignore", frozen=True, env_ignore_empty=True)

    worker_token: SecretStr = Field(min_length=16, description="What workers show to the control plane.")
    database_url: PostgresUrl = Field(description="Postgres, as the role pharos_app.")
    keeper_database_url: PostgresUrl = Field(description="Postgres, as the role pharos_keeper.")
    redis_url: SecretStr | None = Field(
        default=None, description="redis://, rediss://, unix://, or Upstash's https:// address; none works too."
    )
    redis_rest_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Upstash's https:// address, for where port 6379 is blocked."
    )
    redis_token: SecretStr | None = Field(default=None, description="The token of Upstash's https:// address.")
    git_hosts: Words = Field(
        default=("github.com", "gitlab.com", "codeberg.org", "bitbucket.org"),
        description="Hosts that repositories may come from; * admits any public host.",
    )
    local_roots: Words = Field(default=(), description="Folders below which local repositories may be read.")
    time_scale: float = Field(default=1.0, gt=0, le=1, description="Shrinks every time of Timing; for tests.")
    fault_at: str | None = Field(
        default=None, description="Where this process kills or freezes itself, as worker.started:kill; for tests."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def secrets(self) -> list[str]:
        """Return every value that must never appear in a log: tokens, keys, URLs with passwords, and the passwords."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        values = [field.get_secret_value() for field in fields if isinstance(field, SecretStr)]
        passwords = [unquote(urlsplit(value).password or "") for value in values if "://" in value]
        return values + [password for password in passwords if password]

    @property
    def timing(self) -> Timing:
        """The times that this process lives by."""
        return Timing().scaled(self.time_scale)


class CloudSettings(SharedSettings):
    """The control plane's settings (``MODE=CLOUD``)."""

    mode: Literal["CLOUD"] = Field(validation_alias=AliasChoices("MODE", "mode"))
    admin_token: SecretStr = Field(min_length=16, description="What people show to the control plane.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; a hosting service needs 0.0.0.0.")
    port: int = Field(default=10000, ge=0, le=65535, validation_alias=AliasChoices("PORT", "PHAROS_PORT", "port"))
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        validation_alias=AliasChoices("PHAROS_PUBLIC_URL", "RENDER_EXTERNAL_URL", "public_url"),
        description="Where people reach the plane, when something in front of it ends TLS.",
    )
    allowed_hosts: Words = Field(default=("*",), description="Host names under which the plane answers.")
    queue_cap: int = Field(default=10, ge=1, le=100_000, description="Waiting jobs of one kind, over all tenants.")
    job_ttl: Span = Field(default=timedelta(hours=24), description="How long a job may wait for its first start.")
    job_retention: Span = Field(default=timedelta(days=90), description="How long an ended job is kept.")
    redis_commands_limit: int = Field(default=500_000, ge=1, description="Redis commands of a month in your plan.")
    postgres_hours_limit: float = Field(default=400.0, gt=0, description="Hours of a month that Postgres may be awake.")
    host_hours_limit: float = Field(default=750.0, gt=0, description="Hours of a month that this host may be awake.")
    qdrant_url: str | None = Field(default=None, description="Asked for its health, when set.")
    qdrant_api_key: SecretStr | None = None

    @model_validator(mode="after")
    def _two_tokens(self) -> CloudSettings:
        if self.admin_token == self.worker_token:
            raise ValueError(
                "PHAROS_ADMIN_TOKEN and PHAROS_WORKER_TOKEN are the same: a worker could do all that people can"
            )
        return self


class EdgeSettings(SharedSettings):
    """A worker's settings (``MODE=EDGE``)."""

    mode: Literal["EDGE"] = Field(validation_alias=AliasChoices("MODE", "mode"))
    control_url: str = Field(pattern=r"^https?://", description="Where the control plane answers.")
    node: str = Field(default_factory=_default_node, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    work_dir: Path = Field(default=Path.home() / ".cache" / "pharos", description="Scratch space for jobs.")
    slots: int = Field(default=1, ge=1, le=16, description="Jobs that run side by side; each has its own process.")
    kinds: Words = Field(default=(), description="Kinds of job that this worker takes; all when empty.")
    gpu_memory: float | None = Field(default=None, ge=0, description="GiB of GPU memory, in place of what is found.")
    memory: float | None = Field(default=None, ge=0, description="GiB of main memory, in place of what is found.")
    models: Words = Field(default=(), description="Models that this worker may load.")
    vector_store: Literal["lancedb", "qdrant"] = "lancedb"
    lancedb_path: Path = Field(default=Path.home() / ".local" / "share" / "pharos" / "lancedb")
    qdrant_url: str | None = Field(default=None, description="A server's URL, or a local folder for one process.")
    qdrant_api_key: SecretStr | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    text_model: str | None = Field(
        default=None,
        max_length=4096,
        description="What embeds text: small, brain, code, a name on the hub, or the absolute path of a folder.",
    )
    model_idle: Span = Field(
        default=timedelta(minutes=10), description="How long an unused model and index stay in memory."
    )
    private_hosts: Words = Field(default=(), description="Git servers at private addresses that this worker may ask.")
    git_tokens_file: Path | None = Field(
        default=None, description="Lines 'host/owner/* tenant token' for private repositories; mode 0600."
    )
    fetch_timeout: Span = Field(default=timedelta(minutes=10), description="How long a fetch may take.")
    job_timeout: Span = Field(default=timedelta(hours=2), description="How long one attempt may take.")
    min_free_mb: int = Field(default=256, ge=0, description="What stays free on the disk of the work dir.")
    max_repository_mb: int = Field(default=2048, ge=1, description="Largest fetched repository.")
    max_files: int = Field(default=100_000, ge=1, description="Largest number of files in a commit.")
    max_file_kb: int = Field(default=1024, ge=1, description="Larger files are not parsed.")


class OwnerSettings(BaseSettings):
    """What ``pharos db init`` needs; no other process sees the owner's URL."""

    model_config = SettingsConfigDict(env_prefix="PHAROS_", extra="ignore", frozen=True, env_ignore_empty=True)

    owner_database_url: PostgresUrl = Field(description="Postgres, as a role that may create roles and tables.")
    database_url: PostgresUrl | None = None
    keeper_database_url: PostgresUrl | None = None


def load(tree: type[S], **given: object) -> S:
    """Return the settings of one house.

    Raises:
        ConfigurationError: a variable is missing or wrong; the message names it, never its value.
    """
    try:
        return tree(**given)  # type: ignore[arg-type]  # fields are validated by pydantic
    except ValidationError as error:
        raise ConfigurationError(_first_problem(tree, error)) from None


def _first_problem(tree: type[BaseSettings], error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    field = str(problem["loc"][0])
    prefix = str(tree.model_config.get("env_prefix", ""))
    name = field if field.isupper() else f"{prefix}{field.upper()}"
    said = str(problem["msg"]).removeprefix("Value error, ")
    what = "is not set" if problem["type"] == "missing" else f"is wrong: {said}"
    known = tree.model_fields.get(field)
    hint = f" ({known.description})" if known is not None and known.description else ""
    return f"{name} {what}{hint}"
