"""Settings that come from several places: the later ones win, and nothing is misread or overlooked."""

import json

import pytest

from secondsite.ground.processes import layered

KNOWN = ("port", "host", "days", "stores", "id", "name")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "vault.json").write_text(json.dumps({"id": "1", "port": 1, "host": "a", "days": 1}))
    return tmp_path


def read(home, environ=None):
    return layered.read(home, "vault", KNOWN, {"id"}, environ or {})


def test_a_toml_file_wins_over_what_was_written_once_and_the_environment_over_both(home):
    (home / "vault.toml").write_text('port = 2\nhost = "b"\n')
    found = read(home, {"SECONDSITE_VAULT_PORT": "3"})
    assert layered.values(found) == {"id": "1", "port": 3, "host": "b", "days": 1}
    assert {name: setting.source for name, setting in found.items()} == {
        "id": str(home / "vault.json"),
        "days": str(home / "vault.json"),
        "host": str(home / "vault.toml"),
        "port": "SECONDSITE_VAULT_PORT",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ('["a", "b"]', ["a", "b"]),
        ('{fast = "/srv/nvme"}', {"fast": "/srv/nvme"}),
        ("0.0.0.0", "0.0.0.0"),
        ("/srv/store", "/srv/store"),
        ('"3"', "3"),
        ("2026-11-30", "2026-11-30"),
        ("", ""),
        ("a = b", "a = b"),
        ("1\nport = 2", "1\nport = 2"),
    ],
)
def test_a_variable_is_read_as_toml_reads_it_and_is_a_text_otherwise(text, value, home):
    assert read(home, {"SECONDSITE_VAULT_HOST": text})["host"].value == value


@pytest.mark.parametrize(
    "environ", [{"SECONDSITE_APPLIANCE_PORT": "3"}, {"SECONDSITE_VAULT": "3"}, {"PORT": "3"}]
)
def test_variables_of_others_say_nothing(environ, home):
    assert read(home, environ)["port"].value == 1


@pytest.mark.parametrize(
    ("toml", "environ", "said"),
    [
        ("prot = 2", {}, "there is no setting 'prot'"),
        ("", {"SECONDSITE_VAULT_PROT": "2"}, "SECONDSITE_VAULT_PROT: there is no setting 'prot'"),
        ('id = "2"', {}, "'id' is said by"),
        ("", {"SECONDSITE_VAULT_ID": "2"}, "'id' is said by"),
        ("port =", {}, "vault.toml: "),
    ],
)
def test_what_is_misspelt_or_not_to_be_said_there_is_refused_and_named(toml, environ, said, home):
    (home / "vault.toml").write_text(toml)
    with pytest.raises(ValueError, match=said):
        read(home, environ)
