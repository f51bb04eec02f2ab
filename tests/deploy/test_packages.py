"""The Debian packages of this checkout, built for each release and tried on hosts of it, with a systemd and
without any network: installed, upgraded, taken over from deploy/install, removed and purged."""

import pytest

from rig.eventually import eventually
from rig.packages import hosts, lintian
from rig.packages.layers import Layer
from secondsite.entry.shell import write
from tests.deploy.support_packages import (
    APPLIANCE,
    HOME,
    VAULT,
    packages,
    packages_before,
    site,
    why_not,
)
from tests.support.entry.completion import TYPED, fish, zsh

pytestmark = [
    pytest.mark.every(by="all"),
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.parametrize("version", ["12", "13"]),
]
PROGRAM = "/usr/lib/secondsite/lib/python3*/site-packages"
HOOK = "/etc/libvirt/hooks/qemu.d/secondsite"
RULES = "/etc/apparmor.d/abstractions/secondsite-qemu"
OF_A_MACHINE = "apparmor_parser --preprocess /etc/apparmor.d/libvirt/TEMPLATE.qemu"
"""All rules that libvirt gives QEMU, with what they include."""
COMPLETED = """
source /usr/share/bash-completion/completions/secondsite
COMP_WORDS=(secondsite machine fail) COMP_CWORD=2
_secondsite
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_lintian_finds_nothing_that_is_not_overridden_with_its_reason(version):
    assert lintian.found(version, list(packages(version).values())) == []


def test_vault_and_appliance_are_installed_run_and_are_removed_and_their_homes_stay(version, tmp_path):
    found = packages(version)
    with site(tmp_path / "host", hosts.ready(version)) as here:
        here.install(found)
        _is_installed(here, found)
        assert "systemctl enable --now secondsite-vault" in here.init()
        here.vault.start()
        here.enroll()

        said = here(f"apt-get -q -y remove {VAULT} {APPLIANCE} secondsite")
        assert "The start veto stays" in said
        assert "/usr/lib/secondsite" not in here("ps -e -o args"), "all of its processes ended"
        assert here.host.run("systemctl", "--failed", "--no-legend").stdout == ""
        assert not here.has("/usr/lib/secondsite")
        assert here.has(HOOK), "an old copy must not start because its appliance is gone"
        assert "/run/secondsite/" not in here(OF_A_MACHINE)

        said = here(f"apt-get -q -y purge {VAULT} {APPLIANCE} secondsite 2>&1")
        for kind in ("vault", "appliance"):
            assert f"rm -r /var/lib/secondsite/{kind}" in said, "whoever purges it is told what stays"
        assert not here.has(HOOK)
        assert not here.has(RULES)
        assert here.has(f"{HOME}/vault.db"), "what a vault knows goes only by hand"
        assert here.host.run("systemctl", "--failed", "--no-legend").stdout == ""


def _is_installed(here, found):
    version = found["secondsite"].name.split("_")[1].split("+")[0].split("~")[0]
    assert here("cd /; secondsite --version") == f"secondsite {version}\n"
    assert here("id -gn secondsite") == "secondsite\n"
    assert here(f"stat -c '%U %a' {HOME}") == "secondsite 700\n"
    assert here.host.run("systemctl", "is-enabled", VAULT, APPLIANCE).stdout == "disabled\ndisabled\n"
    assert here(f"stat -c %a {HOOK}") == "755\n"
    assert "/run/secondsite/" in here(OF_A_MACHINE)
    assert "enable-protection" in here("man secondsite-machine | cat")
    assert here.host.must("bash", "-c", COMPLETED).split() == ["failover"]
    assert here("find /usr/lib/secondsite -not -user root -o -perm /022 -not -type l") == ""


def test_fish_and_zsh_complete_nouns_verbs_options_and_choices(version, tmp_path):
    write.write(tmp_path / "usr", "vendor-completions")
    layer = Layer(hosts.ready(version), tmp_path / "layer")
    layer.give(tmp_path / "usr/share", "/root/share")
    for line, wanted in TYPED.items():
        offered = layer.must(*fish("/root/share/fish/vendor_completions.d/secondsite.fish", line))
        begun = {word for word in offered.split() if word.startswith(line.split()[-1])}
        assert begun == wanted, f"fish: {line}"  # that of Debian 13 offers what only has the letters, too
        offered = layer.must(*zsh("/root/share/zsh/vendor-completions", line))
        assert set(offered.split()) == wanted, f"zsh: {line}"


def test_what_deploy_install_of_the_last_release_put_there_goes_on_as_packages(version, tmp_path):
    with site(tmp_path / "host", hosts.with_release(version)) as here:
        here.init()
        here.vault.start()
        here.enroll()
        assert here.program_of(here.vault) == "/opt/secondsite"

        said = here.install(packages(version), VAULT, "secondsite")
        assert f"{VAULT} was put there by deploy/install" in said
        assert f"/opt/secondsite stays: {APPLIANCE} runs from it" in said
        assert here.program_of(here.vault) == "/usr/lib/secondsite"
        eventually(here.answers, 60)
        assert here.sites() == {"paris"}

        here.install(packages(version))
        assert here.program_of(here.appliance) == "/usr/lib/secondsite"
        for gone in ("/opt/secondsite", "/usr/local/bin/secondsite", f"/etc/systemd/system/{VAULT}.service"):
            assert not here.has(gone)
        assert here(f"cmp {HOOK} {PROGRAM}/secondsite/fabrics/libvirt/host/start-veto") == ""
        assert here.host.run("systemctl", "is-enabled", VAULT, APPLIANCE).stdout == "enabled\nenabled\n"

        here.host.reboot()
        eventually(here.answers, 60)
        assert here.program_of(here.vault) == "/usr/lib/secondsite"
        assert here.sites() == {"paris"}


def test_the_packages_of_the_commit_before_are_upgraded(version, tmp_path):
    with site(tmp_path / "host", hosts.ready(version)) as here:
        before = packages_before(version)
        here.install(before)
        here.init()
        here.vault.start()
        here.enroll()
        former = (here.vault.pid, here.appliance.pid)

        here.install(packages(version))
        assert here.version("secondsite") != before["secondsite"].name.split("_")[1]
        assert here.vault.pid != former[0], "it runs the new program"
        assert here.appliance.pid != former[1]
        eventually(here.answers, 60)
        assert here.sites() == {"paris"}
        eventually(here.hears_appliance, 60)
