"""A DHCP server of a site, as its owner has one: dnsmasq on a machine of its own in the network."""

import contextlib
import secrets
import subprocess

from rig import bridges


def _into(bridge, space):
    bridges.ip("link", "set", f"{space}o", "master", bridge)


@contextlib.contextmanager
def server(bridge, subnet, plug=_into):
    """Gives addresses 100 to 150 of `subnet` (10.2.0) to whoever asks on the bridge. `plug` plugs its
    cable SPACEo in, whose other end SPACEi is in its network namespace."""
    space = f"dhcp{secrets.token_hex(3)}"
    bridges.ip("netns", "add", space)
    try:
        bridges.ip("link", "add", f"{space}o", "type", "veth", "peer", "name", f"{space}i", "netns", space)
        plug(bridge, space)
        bridges.ip("link", "set", f"{space}o", "up")
        bridges.ip("-n", space, "address", "add", f"{subnet}.1/24", "dev", f"{space}i")
        bridges.ip("-n", space, "link", "set", f"{space}i", "up")
        process = subprocess.Popen(["ip", "netns", "exec", space, *_dnsmasq(f"{space}i", subnet)])
        try:
            yield
        finally:
            process.kill()
            process.wait(timeout=10)
    finally:
        bridges.ip("netns", "delete", space)


def _dnsmasq(link, subnet):
    return (
        "dnsmasq", "--keep-in-foreground", "--conf-file=", "--pid-file=", "--user=nobody", "--leasefile-ro",
        "--no-ping", "--port=0",
        f"--interface={link}", "--bind-interfaces",
        f"--dhcp-range={subnet}.100,{subnet}.150,255.255.255.0,1h",
    )  # fmt: skip
