"""What an owner does with libvirt's own tool, for the tests on a real libvirtd."""

import secrets
import subprocess

from rig.hosts.domains import firmware_xml
from secondsite.fabrics.conformance import steps
from secondsite.ground.units import MiB

PRESERVED = "<on_crash>preserve</on_crash>"


def virsh(host, *words):
    """What the owner's own tool says; it must have succeeded."""
    done = subprocess.run(
        ["virsh", "-c", host.uri, *map(str, words)], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(host, name, extra=""):
    """A machine that runs, with our tag."""
    name = f"{name}-{secrets.token_hex(3)}"
    text = firmware_xml(name, [host.make_image(name, 4 * MiB)], extra=extra)
    fabric_id = host.define(text.replace("<on_crash>destroy</on_crash>", PRESERVED))
    host.fabric.power.start(fabric_id)
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    return fabric_id


def state(host, fabric_id):
    return host.fabric.power.state(fabric_id)
