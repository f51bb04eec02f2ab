"""Hosts as network namespaces on one segment, each with the networks of a libvirt fabric, and guests on
them."""

import ctypes
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from rig.bridges import ip
from secondsite.domain.networks.spanning import PORT
from secondsite.ground import seams

libc = ctypes.CDLL(None, use_errno=True)
NETWORK = 0x40000000
MTU_DISCOVER, DO_NOT_BREAK = 10, 2
DRIVER = """
import json, sys
from pathlib import Path

from secondsite.domain import errors
from secondsite.fabrics.interface import LocalSpan
from secondsite.fabrics.libvirt.host.networks import BridgeNetworks
from secondsite.wire.common.machines import NetworkService
networks = BridgeNetworks(Path(sys.argv[1]))
for line in sys.stdin:
    verb, name, *more = json.loads(line)
    span = LocalSpan(**{**more[0], "peers": tuple(more[0]["peers"])}) if more and more[0] else None
    try:
        if verb == "serve":
            networks.serve(name, "T", NetworkService(**more[1]), span)
        elif verb == "create":
            networks.create_isolated(name, "T", span)
        elif verb == "mtu":
            print(networks.segment_mtu(name), flush=True)
            continue
        else:
            networks.remove(name, "T")
        print("done", flush=True)
    except errors.SecondsiteError as problem:
        print(f"{problem.message} {problem.do}", flush=True)
"""
LEASED = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
[ -z "$mtu" ] || ip link set dev "$interface" mtu "$mtu"
env > "$FILE"
"""
ASKED = """
import socket, sys
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as asking:
        asking.settimeout(1)
        try:
            asking.connect((sys.argv[1], int(sys.argv[2])))
            asking.send(b"who?")
            print(asking.recv(9).decode())
        except OSError:
            print("nobody")
"""
SECONDS = 20


def inside(space, *command, **more):
    return subprocess.run(
        ["ip", "netns", "exec", space, *command],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **more,
    )


class Place:
    """A namespace with a line to the segment, or to a bridge of a host."""

    def __init__(self, segment, name, address=None):
        self.space = f"{segment.tag}{name}"
        self.address = address
        self.segment = segment
        ip("netns", "add", self.space)
        ip("-n", self.space, "link", "set", "lo", "up")

    def plug(self, space, bridge, line="eth0", mac=None):
        """A cable from here to the bridge there."""
        outer = f"{self.space}{line[-1]}"
        here = ("name", line, "netns", self.space, *(("address", mac) if mac else ()))
        ip("-n", space, "link", "add", outer, "type", "veth", "peer", *here)
        ip("-n", space, "link", "set", outer, "master", bridge, "up")
        ip("-n", self.space, "link", "set", line, "up")
        if self.address:
            ip("-n", self.space, "address", "add", f"{self.address}/24", "dev", line)

    def run(self, *command, **more):
        return inside(self.space, *command, **more)

    def pings(self, address):
        return self.run("busybox", "ping", "-c", "1", "-W", "1", address).returncode == 0


class SpanningHost(Place):
    """A host: on the segment, with an uplink of its own."""

    def __init__(self, segment, name, address, folder):
        super().__init__(segment, name, address)
        self.plug(segment.space, "segment")
        ip("-n", self.space, "link", "add", "uplink", "type", "bridge")
        ip("-n", self.space, "address", "add", f"192.0.2.{address.rpartition('.')[2]}/24", "dev", "uplink")
        ip("-n", self.space, "link", "set", "uplink", "up")
        self._folder = folder / name
        self._folder.mkdir()
        self._seam = folder / f"{name}.seam"
        self.guests = 0
        self.start()

    def start(self):
        command = ["ip", "netns", "exec", self.space, sys.executable, "-c", DRIVER, str(self._folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            env={**os.environ, seams.ENVIRONMENT: str(self._seam), "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip

    def do(self, *said):
        commands, answers = self._process.stdin, self._process.stdout
        assert commands is not None
        assert answers is not None
        commands.write(json.dumps(said) + "\n")
        commands.flush()
        return answers.readline().strip()

    def must(self, *said):
        assert self.do(*said) == "done"

    def dies(self, seam, *said):
        """The process is killed as it reaches the seam, and another one begins."""
        seams.order(self._seam, 1, seam=seam)
        assert self.do(*said) == ""
        assert Path(f"{self._seam}.hit").read_text() == seam
        self.kill()
        self.start()

    def span(self, number=77, mtu=1450):
        members = sorted(each.address for each in self.segment.hosts)
        peers = [each for each in members if each != self.address]
        index = members.index(self.address)
        return {"number": number, "mtu": mtu, "own": self.address, "peers": peers, "index": index}

    def guest(self, bridge, mac):
        self.guests += 1
        found = Place(self.segment, f"{self.space[-1]}{self.guests}")
        found.plug(self.space, bridge, mac=mac)
        self.segment.others.append(found)
        return found

    def kill(self):
        with self._process:
            self._process.kill()

    def left(self):
        """What of tunnels, bridges, rules and files is here."""
        links = ip("-n", self.space, "-o", "link", "show").splitlines()
        names = [line.split(":")[1].strip().partition("@")[0] for line in links]
        made = [each for each in names if each.startswith("ss")]
        tables = self.run("nft", "list", "tables").stdout.split("\n")
        return made + [each for each in tables if each] + sorted(str(each) for each in self._folder.iterdir())


class HostsOnASegment:
    def __init__(self, folder, hosts):
        self.tag = f"s{secrets.token_hex(2)}"
        self.space = f"{self.tag}seg"
        self.hosts, self.others = [], []
        ip("netns", "add", self.space)
        ip("-n", self.space, "link", "add", "segment", "type", "bridge")
        ip("-n", self.space, "link", "set", "segment", "up")
        for number in range(hosts):
            self.hosts.append(SpanningHost(self, "abc"[number], f"198.51.100.{number + 1}", folder))

    def stranger(self, address):
        found = Place(self, "x", address)
        self.others.append(found)
        found.plug(self.space, "segment")
        return found

    def close(self):
        for each in self.hosts:
            each.kill()
        for each in (*self.others, *self.hosts):
            ip("netns", "delete", each.space, check=False)
        ip("netns", "delete", self.space, check=False)


@contextmanager
def within(space):
    """This thread is in the namespace meanwhile."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{space}", os.O_RDONLY)
    _enter(there)
    try:
        yield
    finally:
        _enter(own)
        os.close(there)
        os.close(own)


def _enter(namespace):
    if libc.setns(namespace, NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def send_whole(guest, address, size):
    """A packet of that size, which nobody may break up. Raises OSError if it is longer than the card
    takes."""
    with within(guest.space), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, DO_NOT_BREAK)
        sender.sendto(bytes(size - 28), (address, 7777))


def lease(guest, folder):
    """What a guest's DHCP client was told."""
    script, file = folder / "leased", folder / f"{guest.space}.env"
    script.write_text(LEASED)
    script.chmod(0o755)
    done = guest.run(
        "busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-O", "mtu", "-t", "5", "-T", "1",
        "-s", str(script),
        env={**os.environ, "FILE": str(file)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def frame(mac, source, destination, text):
    """An Ethernet frame with a UDP datagram to port 7777."""
    datagram = struct.pack("!HHHH", 7777, 7777, 8 + len(text), 0) + text
    header = packet_header(source, destination, len(datagram), 17, 64)
    return bytes.fromhex(mac.replace(":", "")) + b"\x02\x00\x00\x00\x00\x09" + b"\x08\x00" + header + datagram


def packet_header(source, destination, size, protocol, ttl):
    parts = (0x45, 0, 20 + size, 0, 0, ttl, protocol, 0)
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!BBHHHBBH", *parts) + ends
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:]


def send(place, source, destination, number, inner, ttl=255):
    """A packet of a tunnel from that place, whoever's address it bears."""
    text = struct.pack("!BxxxI", 8, number << 8) + inner
    datagram = struct.pack("!HHHH", 50000, PORT, 8 + len(text), 0) + text
    packet = packet_header(source, destination, len(datagram), 17, ttl) + datagram
    with within(place.space), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (destination, 0))


class Listening:
    """A guest that waits for datagrams."""

    def __init__(self, guest):
        with within(guest.space):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("0.0.0.0", 7777))
        self._socket.settimeout(5)

    def next(self):
        return self._socket.recv(2000)

    def close(self):
        self._socket.close()


@contextmanager
def answering(place, address, port):
    """A server there, by UDP and TCP, that says "it" to whoever asks."""
    with within(place.space):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with datagrams, streams:
        for each in (datagrams, streams):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind((address, port))
            each.settimeout(0.2)
        streams.listen()
        ended = threading.Event()
        ways = ((_by_datagram, datagrams), (_by_stream, streams))
        answers = [threading.Thread(target=way, args=(ended, known)) for way, known in ways]
        for answer in answers:
            answer.start()
        try:
            yield
        finally:
            ended.set()
            for answer in answers:
                answer.join()


def _by_datagram(ended, known):
    while not ended.is_set():
        with suppress(TimeoutError):
            _, asked = known.recvfrom(99)
            known.sendto(b"it", asked)


def _by_stream(ended, known):
    while not ended.is_set():
        with suppress(TimeoutError), known.accept()[0] as asked:
            asked.settimeout(1)
            asked.recv(99)
            asked.send(b"it")


def ask(place, address, port):
    """What a server said by UDP and by TCP: "it" or "nobody"."""
    return inside(place.space, sys.executable, "-c", ASKED, address, str(port)).stdout.split()
