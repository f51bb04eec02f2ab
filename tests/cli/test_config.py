"""secondsite config show: each setting as it counts, and who says so."""

import json
import os
import subprocess
import sys

import pytest

from secondsite.appliance.shared import ApplianceConfig
from secondsite.domain import errors
from secondsite.entry import commands, settings
from secondsite.entry.settings import VaultSettings

URL = "postgresql+psycopg://secondsite:geheim@localhost/secondsite"


@pytest.fixture
def vault(tmp_path):
    home = tmp_path / "vault"
    home.mkdir()
    settings.write(home, VaultSettings(name="dr", database_url=URL))
    return home


@pytest.fixture
def appliance(tmp_path):
    home = tmp_path / "appliance"
    home.mkdir()
    ApplianceConfig(
        appliance_id="1",
        name="paris-1",
        site="paris",
        home=home,
        store=home / "store",
        scratch=home / "scratch",
    ).save()
    return home


def shown(capsys, *homes):
    words = [word for home in homes for word in ("--home", str(home))]
    assert commands.run(["config", "show", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)["settings"]
    return {(each["of"], each["name"]): (each["value"], each["source"]) for each in found}


def test_each_setting_is_shown_with_the_file_or_variable_that_says_it(vault, appliance, capsys, monkeypatch):
    (vault / "vault.toml").write_text("plan_groups = 9\n")
    monkeypatch.setenv("SECONDSITE_VAULT_DRILL_DAYS", "30")
    (appliance / "appliance.toml").write_text('[stores]\nfast = "/srv/nvme"\n')
    found = shown(capsys, vault, appliance)
    assert found["vault", "plan_groups"] == (9, str(vault / "vault.toml"))
    assert found["vault", "drill_days"] == (30, "SECONDSITE_VAULT_DRILL_DAYS")
    assert found["vault", "name"] == ("dr", str(vault / "vault.json"))
    assert found["appliance", "stores"] == ({"fast": "/srv/nvme"}, str(appliance / "appliance.toml"))
    assert found["appliance", "agents"][1] == str(appliance / "appliance.json")
    assert settings.read(vault).plan_groups == 9
    assert ApplianceConfig.load(appliance).all_stores["fast"].name == "nvme"


def test_what_no_file_says_is_named_as_the_default(vault, capsys):
    (vault / "vault.json").write_text(json.dumps({"database_url": "sqlite:///x", "id": "1"}))
    assert shown(capsys, vault)["vault", "rest_port"] == (8443, "default")


def test_no_password_is_shown(vault, capsys):
    assert "geheim" not in str(shown(capsys, vault))
    assert commands.run(["config", "show", "--home", str(vault)]) == 0
    said = capsys.readouterr().out
    assert "geheim" not in said
    assert "rest_port" in said


def test_what_is_not_valid_is_refused_before_anything_starts(vault, appliance, monkeypatch):
    (vault / "vault.toml").write_text("rest_port = 70000\n")
    with pytest.raises(errors.InvalidArgument, match="rest_port"):
        settings.read(vault)
    monkeypatch.setenv("SECONDSITE_APPLIANCE_SITE", "rome")
    with pytest.raises(errors.InvalidArgument, match="SECONDSITE_APPLIANCE_SITE: 'site' is said by"):
        ApplianceConfig.load(appliance)


def test_what_others_say_is_not_written_into_an_appliances_own_file(appliance):
    (appliance / "appliance.toml").write_text("appliers = 7\n")
    assert ApplianceConfig.load(appliance).appliers == 7
    ApplianceConfig.written(appliance).save()
    assert json.loads((appliance / "appliance.json").read_text())["appliers"] == 2


def test_a_host_with_neither_says_what_to_do(tmp_path, capsys):
    assert commands.run(["config", "show", "--home", str(tmp_path)]) != 0
    assert "There is no vault, and no appliance" in capsys.readouterr().err


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs something as somebody else")
def test_whoever_may_not_look_there_is_told_to_repeat_it_as_root(vault):
    words = [sys.executable, "-m", "secondsite.entry.main", "config", "show", "--home", vault]
    said = subprocess.run(words, user=65534, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert said.returncode != 0
    assert "Permission denied" in said.stderr
    assert "do: Repeat the command as root." in said.stderr
