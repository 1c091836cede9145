"""Settings: what is read, what it becomes, and what is said when it is wrong."""

import ipaddress
import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.settings import VARIABLES, Settings, SettingsError, is_loopback, load, unknown_variables

SECRET = "0123456789abcdef0123456789abcdef"

# Sections 1 and 10 of the contract, as an operator reads them.
CONTRACT = {
    "HOST": "127.0.0.1",
    "PORT": 8000,
    "WEB_CONCURRENCY": 1,
    "REDIS_URL": None,
    "HUBBUB_JWKS_URL": None,
    "HUBBUB_JWT_ISSUER": None,
    "HUBBUB_JWT_AUDIENCE": None,
    "HUBBUB_API_KEYS": (),
    "HUBBUB_ORIGINS": None,
    "HUBBUB_VISITORS": True,
    "HUBBUB_TRUSTED_PROXIES": (),
    "HUBBUB_DEMO": True,
    "HUBBUB_ENTITY_TYPES": ("trip", "location", "post", "blog", "story"),
    "HUBBUB_COLLECTIONS": None,
    "HUBBUB_RETENTION_EVENTS": 1000,
    "HUBBUB_RETENTION_SECONDS": 86400,
    "HUBBUB_RECOVERY_SECONDS": 120,
    "HUBBUB_TYPING_SECONDS": 2,
    "HUBBUB_PRESENCE_GRACE_SECONDS": 3,
    "HUBBUB_PRESENCE_LEASE_SECONDS": 12,
    "HUBBUB_VIEWER_SECONDS": 300,
    "HUBBUB_SSE_HEARTBEAT_SECONDS": 30,
    "HUBBUB_DRAIN_SECONDS": 8,
    "HUBBUB_PING_INTERVAL": 25,
    "HUBBUB_PING_TIMEOUT": 20,
    "HUBBUB_VAPID_SUBJECT": None,
    "HUBBUB_PEER_HOST": None,
    "HUBBUB_PUSH_ALLOW_LOOPBACK": False,
    "HUBBUB_BLOCKED_WORDS": None,
    "HUBBUB_MAX_PACKET_BYTES": 1_048_576,
    "HUBBUB_ACTIONS_PER_SECOND": 50,
    "HUBBUB_ACTIONS_BURST": 100,
    "HUBBUB_MESSAGES_PER_SECOND": 5,
    "HUBBUB_MESSAGES_BURST": 20,
    "HUBBUB_CONNECTIONS_PER_ADDRESS": 200,
    "HUBBUB_CONNECTIONS_PER_USER": 20,
    "HUBBUB_SUBSCRIPTIONS_PER_CONNECTION": 200,
    "HUBBUB_SEND_BUFFER_BYTES": 1_048_576,
    "HUBBUB_CONNECT_SECONDS": 10,
    "HUBBUB_JSON_DEPTH": 32,
    "HUBBUB_JSON_KEYS": 1000,
    "HUBBUB_UPLOAD_BYTES": 10_485_760,
    "HUBBUB_UPLOAD_PIXELS": 40_000_000,
    "HUBBUB_RECORD_BYTES": 65_536,
    "HUBBUB_DOCUMENT_UPDATE_BYTES": 524_288,
}


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `var` is made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(**variables: str) -> Settings:
    """The settings of an environment that holds just these."""
    return load({}, variables)


def refusal(**variables: str) -> str:
    """What is said of an environment that cannot be started with."""
    with pytest.raises(SettingsError) as refused:
        settings(**variables)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_every_variable_of_the_contract_has_its_default() -> None:
    loaded = settings()
    fields = {each.name: each.field for each in VARIABLES}
    assert {name: getattr(loaded, fields[name]) for name in CONTRACT} == CONTRACT
    assert loaded.database_url == "sqlite+aiosqlite:///var/hubbub.db"
    assert loaded.media_url == "var/media"


def test_every_variable_has_a_flag_of_its_own_and_a_meaning() -> None:
    assert len({each.flag for each in VARIABLES}) == len({each.name for each in VARIABLES}) == len(VARIABLES)
    assert all(each.help and each.default_help for each in VARIABLES)
    flags = {each.name: each.flag for each in VARIABLES}
    assert flags["PORT"] == "--port"
    assert flags["DATABASE_URL"] == "--database-url"
    assert flags["HUBBUB_TYPING_SECONDS"] == "--typing-seconds"


def test_every_default_is_text_that_an_operator_could_give() -> None:
    given = {each.name: each.default for each in VARIABLES if each.default is not None}
    assert load({}, given) == settings()


def test_flags_win_over_the_environment() -> None:
    environment = {"PORT": "8001", "HUBBUB_TYPING_SECONDS": "4", "REDIS_URL": "redis://localhost"}
    loaded = load({"PORT": "8002", "REDIS_URL": ""}, environment)
    assert (loaded.port, loaded.typing_seconds, loaded.redis_url) == (8002, 4, None)


def test_what_is_empty_counts_as_not_set() -> None:
    assert settings(PORT="", REDIS_URL=" ", HUBBUB_ORIGINS="").port == 8000


def test_settings_reach_spawned_workers_whole() -> None:
    loaded = settings(HUBBUB_TRUSTED_PROXIES="10.0.0.0/8", HUBBUB_SECRET=SECRET)
    assert pickle.loads(pickle.dumps(loaded)) == loaded


def test_no_secret_shows_in_the_representation() -> None:
    loaded = settings(
        HUBBUB_SECRET=SECRET,
        HUBBUB_API_KEYS="hidden-key",
        DATABASE_URL="postgresql://u:hidden-word@h/db",
        REDIS_URL="redis://:hidden-word@h",
    )
    assert SECRET not in repr(loaded)
    assert "hidden" not in repr(loaded)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///some.db", "sqlite+aiosqlite:///some.db"),
        ("sqlite+aiosqlite:////tmp/some.db", "sqlite+aiosqlite:////tmp/some.db"),
        ("sqlite+pysqlite:///some.db?cache=shared", "sqlite+aiosqlite:///some.db?cache=shared"),
        ("postgresql://u:p%40@h:5433/db", "postgresql+asyncpg://u:p%40@h:5433/db"),
        ("postgres://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("postgresql+asyncpg://u@h/db", "postgresql+asyncpg://u@h/db"),
        ("postgresql+psycopg2://u@h/db", "postgresql+asyncpg://u@h/db"),
        ("postgresql://u@[::1]:5432/db", "postgresql+asyncpg://u@[::1]:5432/db"),
        ("postgresql:///db?host=/run/postgresql", "postgresql+asyncpg:///db?host=%2Frun%2Fpostgresql"),
        ("postgres://u:p@h/db?sslmode=require", "postgresql+asyncpg://u:p@h/db?ssl=require"),
        (
            "postgres://u:p@h/db?sslmode=verify-full&channel_binding=require",
            "postgresql+asyncpg://u:p@h/db?ssl=verify-full",
        ),
    ],
)
def test_a_database_url_becomes_what_sqlalchemy_takes(given: str, used: str) -> None:
    assert settings(DATABASE_URL=given).database_url == used


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mysql://u:hidden@h/db", "mysql://"),
        ("hubbub.db", "no scheme"),
        ("sqlite://", "sqlite:///relative/path.db"),
        ("sqlite:///:memory:", "sqlite:///relative/path.db"),
        ("sqlite:///missing/some.db", "no folder missing"),
        ("sqlite:////tmp", "/tmp is a folder"),
        ("postgresql://u:hidden@h", "names no database"),
        ("postgresql://u:hidden@h:port/db", "postgresql://user:password@host:5432/name"),
        ("postgresql://u:hidden@h/db?sslmode=maybe", "verify-full"),
        ("postgresql://u:hidden@h/db?sslrootcert=/ca.pem", "PGSSLROOTCERT"),
        ("postgresql://u:hidden@h/db?shoesize=44", "shoesize"),
    ],
)
def test_a_database_url_that_cannot_be_used_is_explained(given: str, said: str) -> None:
    message = refusal(DATABASE_URL=given)
    assert message.startswith("DATABASE_URL: ")
    assert said in message
    assert "hidden" not in message


@pytest.mark.parametrize(
    "given",
    [
        "redis://h",
        "rediss://:p%2F@h:6380/3",
        "unix:///run/redis.sock",
        "redis+cluster://h:7000",
        "rediss+cluster://h:7000/0",
    ],
)
def test_redis_urls_stay_as_they_are(given: str) -> None:
    assert settings(REDIS_URL=given).redis_url == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://h", "http://"),
        ("localhost:6379", "no scheme"),
        ("redis://", "no host"),
        ("redis://h/name", "number of a database"),
        ("redis://:hidden@h:port", "%-encoded"),
        ("redis+cluster://h/3", "a cluster has database 0 alone"),
    ],
)
def test_a_redis_url_that_cannot_be_used_is_explained(given: str, said: str) -> None:
    message = refusal(REDIS_URL=given)
    assert message.startswith("REDIS_URL: ")
    assert said in message
    assert "hidden" not in message


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("PORT", "80a"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("HOST", "127.0.0"),
        ("HOST", "not a host"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "auto"),
        ("HUBBUB_RETENTION_EVENTS", "0"),
        ("HUBBUB_RETENTION_EVENTS", "1.5"),
        ("HUBBUB_PING_INTERVAL", "0"),
        ("HUBBUB_PING_INTERVAL", "nan"),
        ("HUBBUB_PING_TIMEOUT", "inf"),
        ("HUBBUB_DRAIN_SECONDS", "8s"),
        ("HUBBUB_DRAIN_SECONDS", "3601"),
        ("HUBBUB_MAX_PACKET_BYTES", "1,048,576"),
        ("HUBBUB_CONNECTIONS_PER_USER", "-1"),
        ("HUBBUB_VISITORS", "maybe"),
        ("HUBBUB_DEMO", "2"),
        ("HUBBUB_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("HUBBUB_PEER_HOST", "0.0.0.0"),
        ("HUBBUB_PEER_HOST", "::"),
        ("HUBBUB_PEER_HOST", "10.0.0"),
        ("HUBBUB_TRUSTED_PROXIES", "proxy.example.com"),
        ("HUBBUB_ORIGINS", "app.example.com"),
        ("HUBBUB_ORIGINS", "https://app.example.com/path"),
        ("HUBBUB_ORIGINS", "https://*.example.com"),
        ("HUBBUB_ORIGINS", ","),
        ("HUBBUB_ENTITY_TYPES", "trip,two words"),
        ("HUBBUB_ENTITY_TYPES", "room"),
        ("HUBBUB_COLLECTIONS", "missing.toml"),
        ("HUBBUB_BLOCKED_WORDS", "missing.txt"),
        ("HUBBUB_JWKS_URL", "login.example.com"),
        ("HUBBUB_VAPID_SUBJECT", "somebody@example.com"),
        ("HUBBUB_MEDIA_URL", "ftp://example.com/media"),
        ("HUBBUB_REDIS_PREFIX", "two words"),
        ("HUBBUB_LOG_LEVEL", "loud"),
        ("HUBBUB_LOG_FORMAT", "xml"),
        ("HUBBUB_VAR", "/dev/null/var"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_repeated(name: str, given: str) -> None:
    message = refusal(**{name: given})
    assert message.startswith(f"{name}={given}: ")
    assert "give" in message or "name a folder" in message


def test_a_secret_is_refused_below_32_bytes_and_never_shown() -> None:
    assert "31 bytes" in refusal(HUBBUB_SECRET=SECRET[:-1])
    assert SECRET[:-1] not in refusal(HUBBUB_SECRET=SECRET[:-1])
    assert settings(HUBBUB_SECRET="ü" * 16).secret == "ü" * 16


def test_api_keys_are_refused_when_they_are_guessed_at_once() -> None:
    assert settings(HUBBUB_API_KEYS="test-key, other-key,test-key").api_keys == ("test-key", "other-key")
    message = refusal(HUBBUB_API_KEYS="test-key,hidden")
    assert message.startswith("HUBBUB_API_KEYS: key 2 of 2")
    assert "hidden" not in message


def test_switches_know_the_usual_words() -> None:
    for word in ("on", "ON", "true", "1", "yes"):
        assert settings(HUBBUB_PUSH_ALLOW_LOOPBACK=word).push_allow_loopback is True
    for word in ("off", "False", "0", "no"):
        assert settings(HUBBUB_VISITORS=word).visitors is False


def test_times_take_fractions() -> None:
    loaded = settings(HUBBUB_PING_INTERVAL="0.3", HUBBUB_PING_TIMEOUT="0.2", HUBBUB_TYPING_SECONDS="0.25")
    assert (loaded.ping_interval, loaded.ping_timeout, loaded.typing_seconds) == (0.3, 0.2, 0.25)


def test_connection_limits_take_0_for_none() -> None:
    loaded = settings(HUBBUB_CONNECTIONS_PER_USER="0", HUBBUB_CONNECTIONS_PER_ADDRESS="0")
    assert (loaded.connections_per_user, loaded.connections_per_address) == (0, 0)


def test_origins_are_kept_as_browsers_send_them() -> None:
    given = "https://App.example.com:443/, http://localhost:3000,http://[::1]:80,capacitor://localhost,*"
    assert settings(HUBBUB_ORIGINS=given).origins == (
        "https://app.example.com",
        "http://localhost:3000",
        "http://[::1]",
        "capacitor://localhost",
        "*",
    )


def test_trusted_proxies_are_addresses_or_networks() -> None:
    assert settings(HUBBUB_TRUSTED_PROXIES="10.0.0.7, 192.168.0.0/16, ::1").trusted_proxies == (
        ipaddress.ip_network("10.0.0.7/32"),
        ipaddress.ip_network("192.168.0.0/16"),
        ipaddress.ip_network("::1/128"),
    )
    assert "10.0.0.0/8" in refusal(HUBBUB_TRUSTED_PROXIES="10.0.0.1/8")


def test_files_that_exist_are_taken(working_folder: Path) -> None:
    (working_folder / "words.txt").write_text("hold: word\n")
    assert settings(HUBBUB_BLOCKED_WORDS="words.txt").blocked_words == (("hold", "word"),)


def test_a_line_that_is_no_rule_is_named(working_folder: Path) -> None:
    (working_folder / "words.txt").write_text("hold: word\n\nforbid: word\n")
    assert "line 3" in refusal(HUBBUB_BLOCKED_WORDS="words.txt")
    (working_folder / "words.txt").write_text("refuse: /(?=a)/\n")
    assert "line 1" in refusal(HUBBUB_BLOCKED_WORDS="words.txt")


def test_media_go_to_a_folder_or_a_bucket() -> None:
    assert settings(HUBBUB_MEDIA_URL="file:///srv/media").media_url == "/srv/media"
    assert settings(HUBBUB_MEDIA_URL="/srv/media").media_url == "/srv/media"
    assert settings(HUBBUB_MEDIA_URL="s3://bucket/prefix").media_url == "s3://bucket/prefix"


def test_several_workers_need_redis() -> None:
    message = refusal(WEB_CONCURRENCY="2")
    assert "WEB_CONCURRENCY=2" in message
    assert "REDIS_URL" in message
    assert settings(WEB_CONCURRENCY="2", REDIS_URL="redis://localhost").workers == 2


def test_deafness_is_noticed_later_than_a_nonce_is_due() -> None:
    message = refusal(HUBBUB_BUS_NONCE_SECONDS="6")
    assert "HUBBUB_BUS_DEAF_SECONDS" in message
    assert "HUBBUB_BUS_NONCE_SECONDS" in message


def test_demo_is_on_until_tokens_can_be_verified() -> None:
    assert settings().demo is True
    assert settings(HUBBUB_SECRET=SECRET).demo is False
    assert settings(HUBBUB_JWKS_URL="https://login.example.com/jwks").demo is False
    assert settings(HUBBUB_SECRET=SECRET, HUBBUB_DEMO="on").demo is True


def test_without_demo_something_must_verify_tokens() -> None:
    message = refusal(HUBBUB_DEMO="off")
    assert all(name in message for name in ("HUBBUB_SECRET", "HUBBUB_JWKS_URL", "HUBBUB_DEMO"))
    jwks_alone = settings(HUBBUB_DEMO="off", HUBBUB_JWKS_URL="https://login.example.com/jwks")
    assert jwks_alone.secret is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "hubbub.example.com"])
def test_demo_listens_on_loopback_only(host: str) -> None:
    by_default = refusal(HOST=host)
    assert by_default.startswith(f"HOST={host}: ")
    assert "HUBBUB_SECRET" in by_default
    assert "HUBBUB_DEMO=off" in refusal(HOST=host, HUBBUB_DEMO="on", HUBBUB_SECRET=SECRET)
    assert settings(HOST=host, HUBBUB_SECRET=SECRET).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_demo_takes_every_name_of_loopback(host: str) -> None:
    assert is_loopback(settings(HOST=host).host)


def test_the_demo_keeps_a_secret_of_its_own(working_folder: Path) -> None:
    first = settings().secret
    assert first is not None
    assert len(first) >= 32
    assert settings().secret == first
    kept = working_folder / "var" / "secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert os.listdir(kept.parent) == ["secret"]


def test_processes_that_start_together_agree_on_the_demo_secret() -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len({each.secret for each in threads.map(lambda _: settings(), range(32))}) == 1


def test_a_kept_secret_that_was_spoilt_is_explained(working_folder: Path) -> None:
    (working_folder / "var").mkdir()
    (working_folder / "var" / "secret").write_text("short")
    message = refusal()
    assert message.startswith("HUBBUB_SECRET: ")
    assert "remove that file" in message
    assert "var/secret" in message


def test_a_folder_in_the_place_of_the_database_is_explained(working_folder: Path) -> None:
    (working_folder / "var" / "hubbub.db").mkdir(parents=True)
    message = refusal()
    assert message.startswith("HUBBUB_VAR=var: ")
    assert "var/hubbub.db is a folder" in message


def test_a_mistyped_variable_is_pointed_out_and_others_are_left_alone() -> None:
    strangers = {"HUBBUB_TYPNG_SECONDS": "1", "HUBBUB_PORT_8000_TCP_ADDR": "10.0.0.1", "HUBBUB_TYPING_SECONDS": "1"}
    (warning,) = unknown_variables(strangers)
    assert "HUBBUB_TYPNG_SECONDS" in warning
    assert "HUBBUB_TYPING_SECONDS" in warning
