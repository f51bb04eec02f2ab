"""Define, start, ping and shut down a guest with libvirt's embedded driver.

A program of its own, since a process holds one such root, and since it makes a bridge: run it in its own
network namespace.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import libvirt

import guestkit

CONFIGURATION = """stdio_handler = "file"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
"""
MAC = "52:54:00:01:02:03"
UUID = "0c5a2f1e-8f4e-4f0c-9d55-6b1f2a9d7a01"


def serve_events():
    while True:
        libvirt.virEventRunDefaultImpl()


def make_bridge(name, address):
    for words in (f"link add {name} type bridge", f"link set {name} up", f"address add {address} dev {name}"):
        subprocess.run(["ip", *words.split()], check=True, timeout=10)


def answers(address):
    ping = ["busybox", "ping", "-c", "5", "-W", "2", address]
    return (
        b" 0 packets received"
        not in subprocess.run(ping, capture_output=True, timeout=30, check=False).stdout
    )


def main(folder):
    (folder / "root/etc").mkdir(parents=True)
    (folder / "root/etc/qemu.conf").write_text(CONFIGURATION)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=serve_events, daemon=True).start()
    connection = libvirt.open(f"qemu:///embed?root={folder / 'root'}")
    disk = guestkit.make_disk(folder / "disk.qcow2")
    console = guestkit.Console(folder / "console.log")
    xml = guestkit.domain_xml(
        "web01", UUID, guestkit.build(), [disk], [guestkit.Nic("br-guest", MAC)], console.path
    )
    make_bridge("br-guest", "10.0.0.1/8")
    domain = connection.defineXML(xml)
    domain.create()
    try:
        console.wait_for(lambda seen: seen.last_record >= 3)
        assert answers(guestkit.address_of(MAC)), "the guest does not answer on its bridge"
        asked_at = time.monotonic()
        domain.shutdown()
        while domain.isActive():
            assert time.monotonic() - asked_at < 10, "the guest did not leave within 10 s"
            time.sleep(0.05)
    finally:
        if domain.isActive():
            domain.destroy()


main(Path(sys.argv[1]))
# The event thread never ends by itself, and libvirt must not be torn down under it.
sys.stdout.flush()
os._exit(0)
