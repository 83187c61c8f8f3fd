"""Settings: read once, checked, and never shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.ledger.postgres import Database
from shared.settings import CloudSettings, EdgeSettings, OwnerSettings, load
from shared.timing import Timing

CANARY = "canary-0123456789"
SHARED = {
    "PHAROS_WORKER_TOKEN": CANARY + "-worker",
    "PHAROS_DATABASE_URL": f"postgresql://app:{CANARY}@db/pharos",
    "PHAROS_KEEPER_DATABASE_URL": f"postgresql://keeper:{CANARY}@db/pharos",
    "PHAROS_REDIS_URL": f"redis://:{CANARY}@cache/0",
    "PHAROS_QDRANT_API_KEY": CANARY + "-qdrant",
}
CLOUD = {**SHARED, "MODE": "CLOUD", "PHAROS_ADMIN_TOKEN": CANARY + "-admin"}
EDGE = {**SHARED, "MODE": "EDGE", "PHAROS_CONTROL_URL": "http://127.0.0.1:10000"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any setting of ours."""
    import os

    for name in list(os.environ):
        if name.upper().startswith("PHAROS_") or name.upper() in {"MODE", "PORT"}:
            monkeypatch.delenv(name)


def _cloud(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> CloudSettings:
    _set(monkeypatch, CLOUD, changes)
    return load(CloudSettings)


def _edge(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> EdgeSettings:
    _set(monkeypatch, EDGE, changes)
    return load(EdgeSettings)


def _set(monkeypatch: pytest.MonkeyPatch, names: dict[str, str], changes: dict[str, str | None]) -> None:
    for name, value in {**names, **changes}.items():
        if value is not None:
            monkeypatch.setenv(name, value)


def test_defaults_are_the_products_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the tokens and databases alone the plane has the stated cap, ttl, retention, hosts and port."""
    settings = _cloud(monkeypatch)

    assert (settings.queue_cap, settings.job_ttl, settings.job_retention) == (
        10,
        timedelta(hours=24),
        timedelta(days=90),
    )
    assert settings.git_hosts == ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org")
    assert (settings.local_roots, settings.host, settings.port) == ((), "127.0.0.1", 10000)
    assert settings.timing == Timing()


@pytest.mark.parametrize(
    "name", ["MODE", "PHAROS_ADMIN_TOKEN", "PHAROS_WORKER_TOKEN", "PHAROS_DATABASE_URL", "PHAROS_KEEPER_DATABASE_URL"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    """A variable that is missing or empty is named in one line, with what it is for."""
    with pytest.raises(ConfigurationError) as error:
        _cloud(monkeypatch, **{name: value})

    assert error.value.message.startswith(f"{name} is not set")
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODE", "EDGE"),
        ("MODE", "cloud"),
        ("PORT", "canary"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PHAROS_ADMIN_TOKEN", "canary"),
        ("PHAROS_WORKER_TOKEN", "canary"),
        ("PHAROS_QUEUE_CAP", "0"),
        ("PHAROS_QUEUE_CAP", "canary"),
        ("PHAROS_JOB_TTL", "canary"),
        ("PHAROS_JOB_TTL", "24"),
        ("PHAROS_JOB_TTL", "-1h"),
        ("PHAROS_JOB_TTL", "1h30m"),
        ("PHAROS_TIME_SCALE", "0"),
        ("PHAROS_TIME_SCALE", "1.5"),
        ("PHAROS_LOG_LEVEL", "canary"),
    ],
)
def test_wrong_variable_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A variable that is wrong is named in one line that does not repeat its value."""
    with pytest.raises(ConfigurationError) as error:
        _cloud(monkeypatch, **{name: value})

    assert error.value.message.startswith(f"{name} is wrong: ")
    assert "canary" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PHAROS_CONTROL_URL", "canary://x"),
        ("PHAROS_NODE", "Not_A_Node"),
        ("PHAROS_VECTOR_STORE", "canary"),
        ("PHAROS_DEVICE", "canary"),
        ("PHAROS_MAX_FILES", "0"),
        ("PHAROS_FETCH_TIMEOUT", "soon"),
        ("PHAROS_MODEL_IDLE", "never"),
    ],
)
def test_wrong_worker_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The worker's variables are checked as the plane's are."""
    with pytest.raises(ConfigurationError, match=f"^{name} is wrong: ") as error:
        _edge(monkeypatch, **{name: value})

    assert value not in error.value.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000), ("250ms", 0.25), ("1.5h", 5400), (" 2 h ", 7200)],
)
def test_spans_have_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    """A time is a number and a unit."""
    assert _cloud(monkeypatch, PHAROS_JOB_TTL=text).job_ttl.total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("github.com", ("github.com",)),
        ("github.com, git.example.org ,", ("github.com", "git.example.org")),
        ("*", ("*",)),
        (",", ()),
    ],
)
def test_lists_are_words_between_commas(monkeypatch: pytest.MonkeyPatch, text: str, words: tuple[str, ...]) -> None:
    """A list needs no brackets or quotes, and empty words are none."""
    assert _cloud(monkeypatch, PHAROS_GIT_HOSTS=text).git_hosts == words


@pytest.mark.parametrize(
    ("given", "port"),
    [({"PORT": "8080"}, 8080), ({"PHAROS_PORT": "8081"}, 8081), ({"PORT": "8080", "PHAROS_PORT": "8081"}, 8080)],
)
def test_hosting_services_port_is_taken(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], port: int) -> None:
    """PORT, as hosting services set it, goes before PHAROS_PORT."""
    assert _cloud(monkeypatch, **given).port == port


def test_worker_reads_its_own_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker has a name of its own that fits a lane, and the stated limits."""
    settings = _edge(monkeypatch, PHAROS_LOCAL_ROOTS="/srv/git", PHAROS_LANCEDB_PATH="/var/lib/x")

    assert settings.mode == "EDGE"
    assert (settings.local_roots, settings.lancedb_path) == (("/srv/git",), Path("/var/lib/x"))
    assert settings.node == settings.node.lower()
    assert (settings.fetch_timeout, settings.job_timeout) == (timedelta(minutes=10), timedelta(hours=2))


def test_time_scale_shrinks_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One number makes all times short, and keeps how they stand to each other."""
    timing = _cloud(monkeypatch, PHAROS_TIME_SCALE="0.01").timing

    assert timing == Timing().scaled(0.01)
    assert timing.heartbeat == pytest.approx(0.2)
    assert timing.lost_after == pytest.approx(0.6)


@pytest.mark.parametrize("house", ["cloud", "edge"])
def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, house: str) -> None:
    """Neither the settings nor a dump of them shows a token, a password or a key."""
    settings = _cloud(monkeypatch) if house == "cloud" else _edge(monkeypatch)

    for text in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json(), f"{settings}"):
        assert CANARY not in text


def test_given_values_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a caller gives is taken as it is."""
    _set(monkeypatch, CLOUD, {})

    assert load(CloudSettings, queue_cap=7).queue_cap == 7


def test_owner_url_is_read_by_its_own_tree_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's address is asked for by name, and is in no other process's settings."""
    with pytest.raises(ConfigurationError, match=r"^PHAROS_OWNER_DATABASE_URL is not set"):
        load(OwnerSettings)

    settings = _cloud(monkeypatch, PHAROS_OWNER_DATABASE_URL=f"postgresql://owner:{CANARY}@db/pharos")

    assert not hasattr(settings, "owner_database_url")
    assert CANARY not in repr(load(OwnerSettings))


@pytest.mark.parametrize("url", ["mysql://u:canary-0123456789@x/y", "junk canary-0123456789"])
def test_a_url_of_another_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What is no Postgres URL is told by the variable's name, and never shown."""
    with pytest.raises(ConfigurationError) as refused:
        _cloud(monkeypatch, PHAROS_DATABASE_URL=url)

    assert refused.value.message.startswith("PHAROS_DATABASE_URL is wrong: it must begin with postgresql://")
    assert CANARY not in str(refused.value)


def test_a_url_that_postgres_cannot_read_is_refused() -> None:
    """A URL with the right beginning that makes no sense ends the process before anything is opened, unseen."""
    with pytest.raises(ConfigurationError) as refused:
        Database(SecretStr(f"postgresql://u:{CANARY}@h/d?bad=1"))

    assert "PHAROS_DATABASE_URL" in refused.value.message
    assert CANARY not in str(refused.value)


def test_people_and_workers_have_tokens_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One token for both would let a worker do all that people can, and is refused without being shown."""
    with pytest.raises(ConfigurationError) as refused:
        _cloud(monkeypatch, PHAROS_ADMIN_TOKEN=CLOUD["PHAROS_WORKER_TOKEN"])

    assert refused.value.message.startswith("PHAROS_ADMIN_TOKEN and PHAROS_WORKER_TOKEN are the same")
    assert CANARY not in str(refused.value)


def test_the_hosts_own_word_for_the_public_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Render the plane learns by itself that people reach it under https."""
    settings = _cloud(monkeypatch, RENDER_EXTERNAL_URL="https://you.onrender.com")

    assert settings.public_url == "https://you.onrender.com"
