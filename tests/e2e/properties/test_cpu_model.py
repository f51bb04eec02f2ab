"""A real guest runs at its second site with another CPU model, which its libvirt says it has; one that it
does not have is refused before."""

import pytest

from secondsite.fabrics.libvirt.host import domain_xml
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
MODEL = "Nehalem"


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {}}) as rig:
        places = ("--source", "a", "--target", "b")
        command_line.do(rig, "enable-protection", "web01", *places, "--policy", "quick")
        yield rig


def cpu(rig, site, name):
    """What the site's libvirt has defined."""
    folder = rig.home(f"appliance-{site}") / "fabric" / "etc" / "qemu"
    found = domain_xml.parse((folder / f"{name}.xml").read_text()).find("cpu")
    return None if found is None else found.findtext("model")


def words_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().decode().split("\0")


def test_a_model_that_qemu_there_cannot_give_is_refused_when_it_is_set(rig):
    refused = command_line.refused(rig, "machine", "set", "web01", "--cpu-model", "Snowridge", exit_code=2)[
        "message"
    ]
    assert "CPU model 'Snowridge'; the host here has " in refused
    assert MODEL in refused
    with rig.client() as vault:
        assert vault.machines["web01"].properties().cpu_model is None


def test_a_drill_and_a_failover_run_with_it_and_at_home_the_guest_has_its_own(rig):
    home = cpu(rig, "a", "web01")
    command_line.told(rig, "machine", "set", "web01", "--cpu-model", MODEL)
    job = command_line.do(rig, "test-failover", "web01")
    e2e.booted(rig.console("b", "web01-test"), 1)
    (pid,) = rig.qemus("web01-test")
    given = words_of(pid)
    assert given[given.index("-cpu") + 1].startswith(MODEL)
    assert f"with CPU model {MODEL}" in next(
        each["sentence"] for each in job["tasks"] if each["name"] == "Start"
    )
    command_line.do(rig, "cleanup-test-failover", "web01")
    command_line.do(rig, "planned-failover", "web01")
    e2e.booted(rig.console("b", "web01"), 1)
    assert cpu(rig, "b", "web01") == MODEL
    for verb in ("commit", "reprotect", "planned-failover"):
        command_line.do(rig, verb, "web01")
    e2e.booted(rig.guests["web01"].console, 2)
    assert cpu(rig, "a", "web01") == home != MODEL
