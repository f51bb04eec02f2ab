"""AppArmor's rules of each machine, as libvirt's own helper writes them, and ours beside them: all that its
QEMU opens of us is allowed. That a kernel enforces them was not tried."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import libvirt
import pytest

from secondsite.fabrics.conformance import hosting, steps
from tests.support import libvirtd

HELPER = Path("/usr/lib/libvirt/virt-aa-helper")
OURS = Path(__file__).resolve().parents[2] / "deploy" / "secondsite-qemu.apparmor"
WORDS = {"**": ".*", "*": "[^/]*", "{": "(", "}": ")", ",": "|"}
PROFILE = """\
include <tunables/global>
profile secondsite-test {
  include <abstractions/base>
  include "RULES"
}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HELPER.exists(), reason="libvirt is built without AppArmor"),
]


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True) as daemon, libvirtd.hosted(daemon) as host:
        yield host


def rules(text):
    """What the lines of a profile allow: expressions of paths, each with its permissions."""
    for path, may in re.findall(r'^ *"?(/[^" ]+)"? ([rwkm]+),$', text, re.MULTILINE):
        yield (
            re.sub(r"\*\*|[*{},]|[^*{},]+", lambda found: WORDS.get(found[0]) or re.escape(found[0]), path),
            may,
        )


def allowed(domain):
    """To a machine that starts: by libvirt's helper, and by us."""
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    said = subprocess.run(
        [HELPER, "-c", "-d", "-u", f"libvirt-{domain.UUIDString()}"],
        input=domain.XMLDesc(flags), capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return [*rules(said.stdout + said.stderr), *rules(OURS.read_text())]


def opened(host, domain):
    """What a machine's QEMU has open below the host's folder, and whether it writes there."""
    pid = int((host.pid_files / f"{domain.name()}.pid").read_text())
    for each in Path(f"/proc/{pid}/fd").iterdir():
        path = os.readlink(each)
        if path.startswith(f"{host.root}/"):
            said = Path(f"/proc/{pid}/fdinfo/{each.name}").read_text()
            yield path, bool(int(re.findall(r"flags:\s*(\d+)", said)[0], 8) & os.O_ACCMODE)


def forbidden(found, paths):
    return [
        (path, writes)
        for path, writes in paths
        if not any(re.fullmatch(rule, path) and ("w" in may if writes else "r" in may) for rule, may in found)
    ]


def looked_at(host, fabric_id):
    """Checks that all is allowed; the names of what is open."""
    domain = host.domain(fabric_id)
    found, paths = allowed(domain), list(opened(host, domain))
    assert not forbidden(found, paths)
    return found, {Path(path).name for path, _ in paths}


def test_a_copy_on_a_chain_in_several_folders_may_open_all_of_it(host):
    request = hosting.guest_on_overlays(host, "chained")
    host.fabric.hosting.create(request)
    host.fabric.power.start(request.fabric_id)
    found, names = looked_at(host, request.fabric_id)
    assert {"top.qcow2", "middle.qcow2"} < names
    assert len(names) == 3
    assert forbidden(found, [(str(host.root / "images" / "another.qcow2"), False)]), "all is allowed"
    host.clear()


def test_a_machine_may_open_its_firmware(host):
    fabric_id = host.make_firmware_machine("uefi", b"\0" * 540672)
    (variables,) = host.root.glob("uefi-*.fd")
    assert not forbidden(allowed(host.domain(fabric_id)), [(str(variables), True)])
    host.clear()


@pytest.mark.parametrize("kind", ["backup-job", "filter"])
def test_a_machine_may_open_what_a_view_gives_it(host, kind):
    with host.viewed_by(kind):
        fabric_id = steps.protected(host, "viewed")
        with steps.view(host, fabric_id, None) as session:
            _, names = looked_at(host, fabric_id)
            assert any(name.endswith(".scratch") for name in names), names
            socket = str(session.disks[0].socket)
            assert not forbidden(rules(OURS.read_text()), [(socket.replace("/work/", "/fabric-work/"), True)])
        host.clear()


def test_the_rules_are_such_as_apparmor_reads(tmp_path):
    parser = shutil.which("apparmor_parser") or pytest.skip("apparmor is not installed")
    (tmp_path / "profile").write_text(PROFILE.replace("RULES", str(OURS)))
    done = subprocess.run(
        [parser, "-Q", "-K", tmp_path / "profile"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
