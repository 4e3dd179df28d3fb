"""Settings come from options, environment, file and defaults, nearest first; a bad one is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import local_settings
from deploy.settings import MASK, SettingsError, load
from deploy.sources import source_of
from deploy.wiring import worker_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def toml(tmp_path: Path, text: str, name: str = "touchpath.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_nearest_source_wins_and_each_value_tells_where_it_is_from(tmp_path: Path) -> None:
    path = toml(tmp_path, "partitions = 1\nreplication_factor = 2\n[collector]\nport = 1001\nretry_after = 9\n")
    loaded = load(
        path,
        options={"collector.port": 1003, "data_dir": None},
        environ={"TOUCHPATH_PARTITIONS": "2", "TOUCHPATH_COLLECTOR__PORT": "1002"},
    )
    rows = {name: (value, origin) for name, value, origin in loaded.rows()}
    assert rows["collector.port"] == ("1003", "option --collector-port")
    assert rows["partitions"] == ("2", "TOUCHPATH_PARTITIONS")
    assert rows["replication_factor"] == ("2", str(path))
    assert rows["collector.retry_after"] == ("9", str(path))
    assert rows["clickhouse.port"] == ("8123", "default")


def test_the_file_is_the_named_one_else_the_environments_else_the_one_in_the_folder(tmp_path: Path) -> None:
    toml(tmp_path, "partitions = 3")
    other = toml(tmp_path, "partitions = 4", "other.toml")
    third = toml(tmp_path, "partitions = 5", "third.toml")
    assert load(environ={}).settings.partitions == 3
    assert load(environ={"TOUCHPATH_CONFIG": str(other)}).settings.partitions == 4
    assert load(third, environ={"TOUCHPATH_CONFIG": str(other)}).settings.partitions == 5


def test_secrets_are_masked_wherever_they_stand() -> None:
    loaded = load(
        environ={
            "TOUCHPATH_KAFKA__SASL_PASSWORD": "hush",
            "TOUCHPATH_COLLECTOR__WRITE_KEYS": '[{"key": "hush", "source": "shop"}]',
        }
    )
    rows = list(loaded.rows())
    assert "hush" not in repr(rows)
    assert ("kafka.sasl_password", MASK, "TOUCHPATH_KAFKA__SASL_PASSWORD") in rows


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"TOUCHPATH_KAFKA__SECURITY_PROTOCOL": "TLS"},
            "kafka.security_protocol: Input should be 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL', "
            "not 'TLS' (TOUCHPATH_KAFKA__SECURITY_PROTOCOL)",
        ),
        ({"TOUCHPATH_KAFAK__X": "1"}, "kafak: there is no such setting; did you mean kafka? (TOUCHPATH_KAFAK__X)"),
        (
            {"TOUCHPATH_KAFKA__SASL_USER": "ada"},
            "kafka.sasl_user: there is no such setting; did you mean kafka.sasl_username? (TOUCHPATH_KAFKA__SASL_USER)",
        ),
        (
            {"TOUCHPATH_WORKER__BOOTSTRAP_SERVERS": "a:1"},
            "worker.bootstrap_servers: there is no such setting; did you mean kafka.bootstrap_servers? "
            "(TOUCHPATH_WORKER__BOOTSTRAP_SERVERS)",
        ),
        (
            {"TOUCHPATH_WORKER__KAFKA__BOOTSTRAP_SERVERS": "a:1"},
            "worker: kafka is set once for all parts, by the section kafka "
            "(TOUCHPATH_WORKER__KAFKA__BOOTSTRAP_SERVERS)",
        ),
        ({"TOUCHPATH_WORKER__STORE": "disk"}, "worker: the disk store needs a data_dir (TOUCHPATH_WORKER__STORE)"),
    ],
)
def test_a_bad_value_is_said_with_setting_reason_and_origin(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ=environ)
    assert str(caught.value) == said


def test_a_list_that_is_no_json_names_its_variable() -> None:
    with pytest.raises(SettingsError, match=r"^collector: a list is written as JSON .*TOUCHPATH_COLLECTOR__"):
        load(environ={"TOUCHPATH_COLLECTOR__WRITE_KEYS": "shop"})


def test_a_bad_secret_is_not_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ={"TOUCHPATH_COLLECTOR__WRITE_KEYS": '[{"key": "hush"}]'})
    assert "hush" not in str(caught.value)
    assert "collector.write_keys.0.source" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"), [("partitions = ", "is no TOML"), ("partitions = 0", r"partitions: .*greater than or equal to 1")]
)
def test_a_bad_file_is_said_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    path = toml(tmp_path, text)
    with pytest.raises(SettingsError, match=said) as caught:
        load(path, environ={})
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml: cannot be read: No such file"):
        load(Path("missing.toml"), environ={})


def test_kafkas_credentials_reach_the_worker() -> None:
    settings = load(
        environ={
            "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": "k:9093",
            "TOUCHPATH_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "TOUCHPATH_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
            "TOUCHPATH_KAFKA__SASL_USERNAME": "ada",
            "TOUCHPATH_KAFKA__SASL_PASSWORD": "hush",
            "TOUCHPATH_KAFKA__SSL_CAFILE": "/ca.pem",
            "TOUCHPATH_REPLICATION_FACTOR": "3",
        }
    ).settings
    worker = worker_settings(settings)
    assert (worker.kafka.bootstrap_servers, worker.replication_factor) == ("k:9093", 3)
    assert (worker.kafka.security_protocol, worker.kafka.sasl_username) == ("SASL_SSL", "ada")
    assert worker.kafka.sasl_password is not None
    assert worker.kafka.sasl_password.get_secret_value() == "hush"
    assert worker.kafka.ssl_cafile == Path("/ca.pem")


def test_settings_written_for_the_parts_are_read_back_as_they_were(tmp_path: Path) -> None:
    settings = load(environ={"TOUCHPATH_PARTITIONS": "7", "TOUCHPATH_KAFKA__SASL_PASSWORD": "hush"}).settings
    local = local_settings.local_settings(settings, "tansu", 19092)
    path = tmp_path / "run" / "settings.json"
    local_settings.write(local, path)
    assert load(path, environ={}).settings == local
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_local_stack_listens_on_loopback_with_the_local_key_whatever_the_settings_say() -> None:
    settings = load(
        environ={
            "TOUCHPATH_COLLECTOR__HOST": "0.0.0.0",
            "TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": "production:9092",
            "TOUCHPATH_CLICKHOUSE__HOST": "production",
            "TOUCHPATH_CLICKHOUSE__PASSWORD": "hush",
        }
    ).settings
    local = local_settings.local_settings(settings, "kafka", 19092)
    assert local.collector.host == local.clickhouse.host == "127.0.0.1"
    assert local.kafka.bootstrap_servers == "127.0.0.1:19092"
    assert local.clickhouse.password.get_secret_value() == ""
    assert [key.key.get_secret_value() for key in local.collector.write_keys] == ["local"]


def test_parts_of_a_local_stack_see_no_touchpath_variable_but_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", "production:9092")
    env = local_settings.environment(Path("/run/settings.json"))
    assert {name for name in env if name.startswith("TOUCHPATH_")} == {"TOUCHPATH_CONFIG"}


def test_sources_are_a_table_each_and_each_is_another(tmp_path: Path) -> None:
    path = tmp_path / "touchpath.toml"
    table = '[[sources]]\nsource = "calls"\ntimezone = "Europe/Berlin"\nnever_keep = ["recording"]\n'
    path.write_text(table)
    [source] = load(path, environ={}).settings.sources
    assert (source.source, source.timezone, source.never_keep) == ("calls", "Europe/Berlin", ("recording",))
    path.write_text(table + table)
    with pytest.raises(SettingsError, match="sources: 'calls' is there twice"):
        load(path, environ={})


def test_every_part_writes_identifiers_alike_and_the_key_is_never_shown(tmp_path: Path) -> None:
    path = toml(tmp_path, '[identifiers]\nemail_plus = "drop"\n[[sources]]\nsource = "tills"\nemail_plus = "keep"\n')
    key = "0123456789abcdef0123456789abcdef"
    loaded = load(path, environ={"TOUCHPATH_IDENTIFIERS__PSEUDONYM_KEY": key})
    rules = loaded.settings.identifiers.rules()
    assert (rules.email_plus, rules.key, rules.clear) == ("drop", key.encode(), {"order"})
    assert loaded.settings.collector.identifiers == loaded.settings.identifiers
    assert loaded.settings.sources[0].sender("x", loaded.settings.identifiers).rules.email_plus == "keep"
    assert source_of(loaded.settings, "shop").sender("x", loaded.settings.identifiers).rules == rules
    rows = list(loaded.rows())
    assert key not in repr(rows)
    assert ("identifiers.pseudonym_key", MASK, "TOUCHPATH_IDENTIFIERS__PSEUDONYM_KEY") in rows
    assert not [name for name, _, _ in rows if name.startswith("collector.identifiers")]


def test_the_parts_of_the_local_stack_are_told_the_same_of_identifiers(tmp_path: Path) -> None:
    settings = load(environ={"TOUCHPATH_IDENTIFIERS__PSEUDONYM_KEY": "k" * 32}).settings
    config = tmp_path / "stack.json"
    local_settings.write(local_settings.local_settings(settings, "tansu", 9092), config)
    told = load(config, environ={}).settings
    assert told.identifiers == told.collector.identifiers == settings.identifiers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[identifiers]\npseudonym_key = "hush"', "identifiers.pseudonym_key: is shorter than 32 characters"),
        ('[identifiers]\nemail_plus = "no"', "identifiers.email_plus: Input should be 'keep' or 'drop', not 'no'"),
        ('[collector.identifiers]\nemail_plus = "drop"', "is set once for all parts, by the section identifiers"),
    ],
)
def test_what_cannot_be_said_of_identifiers_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(toml(tmp_path, text), environ={})
    assert reason in str(refused.value)
    assert "hush" not in str(refused.value)


def test_the_local_stack_makes_no_admin_key_up_and_keeps_those_of_the_user(tmp_path: Path) -> None:
    assert local_settings.local_settings(load(environ={}).settings, "tansu", 9092).collector.admin_keys == ()
    keys = '[{"key": "long-enough", "name": "me", "valid_until": "2030-01-01T00:00:00Z"}]'
    given = load(environ={"TOUCHPATH_COLLECTOR__ADMIN_KEYS": keys}).settings
    config = tmp_path / "settings.json"
    local_settings.write(local_settings.local_settings(given, "tansu", 9092), config)
    assert load(config, environ={}).settings.collector.admin_keys == given.collector.admin_keys
