"""Asks services, and prints the result of each as a line of JSON. It is a program of its own, because it may
run in a network namespace.

With a bridge it is in a fresh namespace. It makes a pair of interfaces, one here, one on that bridge, and
takes an address there that nobody answers for, and gives it up if another machine appears with it later.
There is no other interface here, so nothing is forwarded; everything goes when this process ends, however it
ends.
"""

import asyncio
import contextlib
import ipaddress
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

HERE = "check0"
CANDIDATES = 32
PROBES = 2
PROBE_SECONDS = 0.3
CONNECT_SECONDS = 5.0
# of the first attempt; each that was connected and got none is followed by one that waits twice as long
ANSWER_SECONDS = 5.0
LOST_AFTER_SECONDS, LOST_PROBES, LOST_PROBE_SECONDS = 5, 3, 2
AGAIN_SECONDS = 0.5
MOST_BYTES = 64 * 1024
MOST_SAID = 200
STATUS = re.compile(rb"[1-9][0-9]{2}")
LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n|$)")
ARP = 0x0806

Given = TypeVar("Given")


def main(asked: dict[str, Any]) -> None:
    if "way" in asked:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(pass_on(asked["way"]))
    elif asked["bridge"]:
        enter(asked["bridge"])
        held = [take_address(asked["source"], asked["knocks"][0]["address"])]
        with listening() as link:
            asyncio.run(ask_all(asked["knocks"], lambda: leave_address(link, held, asked), link))
    else:
        asyncio.run(ask_all(asked["knocks"]))


async def ask_all(
    knocks: list[dict[str, Any]],
    heard_arp: Callable[[], None] = lambda: None,
    link: socket.socket | None = None,
) -> None:
    if link is not None:
        asyncio.get_running_loop().add_reader(link, heard_arp)
    await asyncio.gather(*(ask(number, knock) for number, knock in enumerate(knocks)))


async def ask(number: int, knock: dict[str, Any]) -> None:
    """Ask until the service passes or its time is over; then print the result."""
    ends_at, patience, passed, said = time.monotonic() + knock["seconds"], ANSWER_SECONDS, False, ""
    while not passed and (left := ends_at - time.monotonic()) > 0:
        try:
            passed, said = await asyncio.wait_for(attempt(knock, patience), left)
        except NoAnswer as silence:
            # A busy guest goes on with a page that nobody waits for: given up every 5 s, it never completed
            # one.
            patience, said = 2 * patience, str(silence)
        except TimeoutError as late:
            # The last attempt is cut short, and says less than the one before it.
            said = os.strerror(late.errno) if late.errno else said or "no answer"
        except OSError as error:
            said = os.strerror(error.errno) if error.errno else str(error)
        except (ValueError, EOFError) as error:
            # What a guest answers must not end the questions to others.
            said = f"the answer is not understood: {error}"[:MOST_SAID]
        if not passed:
            await asyncio.sleep(max(0.0, min(AGAIN_SECONDS, ends_at - time.monotonic())))
    print(json.dumps({"number": number, "passed": passed, "said": (said or "no answer")[:1000]}), flush=True)


class NoAnswer(Exception):
    """A connected service did not answer: what is missing, and within which time."""


async def attempt(knock: dict[str, Any], patience: float) -> tuple[bool, str]:
    """Raises ConnectionError if there is no connection within CONNECT_SECONDS, Unanswered if no answer
    within `patience` seconds after it."""
    host = knock["address"].partition("/")[0]
    reader, writer = await connected(host, knock["port"])
    try:
        if knock["path"] is None:
            return True, "the port is open"
        request = f"GET {knock['path']} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        silence = NoAnswer(f"no answer: connected, but nothing whole came within {patience:.0f} s")
        return judged(knock, await within(patience, whole(reader, knock["text"] is not None), silence))
    finally:
        writer.close()


async def connected(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    silence = ConnectionError(f"no answer: no connection within {CONNECT_SECONDS:.0f} s")
    reader, writer = await within(CONNECT_SECONDS, asyncio.open_connection(host, port), silence)
    # A guest that restarted knows nothing of its old connections, and says so only to a peer that sends
    # something.
    line = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, LOST_AFTER_SECONDS)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, LOST_PROBE_SECONDS)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, LOST_PROBES)
    return reader, writer


async def within(seconds: float, awaited: Coroutine[Any, Any, Given], silence: Exception) -> Given:
    """Raises `silence` once the time is over."""
    try:
        return await asyncio.wait_for(awaited, seconds)
    except TimeoutError as late:
        if late.errno:  # of the line itself
            raise
        raise silence from late


async def whole(reader: asyncio.StreamReader, reads_body: bool) -> bytes:
    """The whole answer, or as much of it as is looked at. Some servers leave the connection open after it."""
    answer = b""
    while not is_whole(answer, reads_body) and (part := await reader.read(MOST_BYTES - len(answer))):
        answer += part
    return answer


def is_whole(answer: bytes, reads_body: bool) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if len(answer) >= MOST_BYTES or not end:
        return len(answer) >= MOST_BYTES
    length = LENGTH.search(head)
    return not reads_body or (length is not None and len(body) >= int(length[1]))


def judged(knock: dict[str, Any], answer: bytes) -> tuple[bool, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not STATUS.fullmatch(words[1]):
        return False, "the answer is no HTTP"
    status, text = int(words[1]), knock["text"]
    if status != knock["status"]:
        shown = body.decode(errors="replace").strip()[:100]
        return False, f"status {status}, not {knock['status']}: {shown}"
    if text is not None and text not in body.decode(errors="replace"):
        return False, f"status {status}, but its page does not say '{text}'"
    return True, f"status {status}"


# A way for a person into one machine. Standard input is a socket, whose other end is in the process that
# started this one. It hears '+' once the machine is connected. Nothing listens here, and connections are made
# to the machine only.

PIECE_BYTES = 32 * 1024


async def pass_on(way: dict[str, Any]) -> None:
    """Pass bytes on until the machine, or the person's side, is gone. Ends this process, with what is wrong
    as its last words."""
    line = socket.socket(fileno=os.dup(0))
    try:
        reader, writer = await asyncio.open_connection(sock=line, limit=PIECE_BYTES)
        from_machine, to_machine = await opened(way)
        writer.write(b"+")
        inwards = asyncio.create_task(pass_all(reader, to_machine))
        outwards = asyncio.create_task(pass_all(from_machine, writer))
        # The person may have no more to say and still listen; a machine that has no more to say is done.
        await outwards
        inwards.cancel()
    except (OSError, ValueError) as problem:
        raise SystemExit(str(problem)) from None


async def pass_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on all that comes, no faster than it is taken, then the end."""
    with contextlib.suppress(ConnectionError, OSError):
        while part := await reader.read(PIECE_BYTES):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def opened(way: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if way["terminal"]:
        return await opened_terminal(way["terminal"])
    if way["path"]:
        return await asyncio.open_unix_connection(way["path"], limit=PIECE_BYTES)
    host = way["address"].partition("/")[0]
    if way["bridge"]:
        enter(way["bridge"])
        held = take_address(None, way["address"])
        link = listening()
        asyncio.get_running_loop().add_reader(link, yield_address, link, held)
        # the machine's own card, whoever else in its network says that it has the address, or sends as if it
        # had the MAC address: the bridge does not learn that anew
        place = (way["mac"], "dev", way["card"], "master", "static", "sticky")
        run("nsenter", f"--net=/proc/{os.getppid()}/ns/net", "bridge", "fdb", "replace", *place)
        run("ip", "neighbour", "replace", host, "lladdr", way["mac"], "dev", HERE, "nud", "permanent")
    return await connected(host, way["port"])


async def opened_terminal(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The terminal, raw: what the person types reaches the guest as it is."""
    handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    tty.setraw(handle)
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(PIECE_BYTES)
    heard = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: heard, os.fdopen(os.dup(handle), "rb", buffering=0))
    flow = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(handle, "wb", buffering=0)
    )
    return reader, asyncio.StreamWriter(flow[0], flow[1], None, loop)


def enter(bridge: str) -> None:
    """Plug this namespace into the bridge of the process that started this one."""
    parent, there = os.getppid(), f"ssck{os.getpid()}"
    # a bridge takes the lowest address of its ports for its own: fe:... never is the lowest
    address = "fe:" + ":".join(f"{byte:02x}" for byte in os.urandom(5))
    peer = ["peer", "name", there, "address", address, "netns", str(parent)]
    run("ip", "link", "add", HERE, "type", "veth", *peer)
    run("ip", "link", "set", HERE, "addrgenmode", "none")
    outside = ("nsenter", f"--net=/proc/{parent}/ns/net", "ip", "link", "set", there)
    run(*outside, "addrgenmode", "none")
    run(*outside, "master", bridge)
    run(*outside, "up")
    run("ip", "link", "set", HERE, "up")


def take_address(source: str | None, guest: str) -> ipaddress.IPv4Interface:
    """Take a free address near the guest's; ends this process if there is none."""
    wanted = [ipaddress.IPv4Interface(source)] if source else near(guest)
    for candidate in wanted:
        if not is_taken(candidate.ip):
            run("ip", "address", "add", str(candidate), "dev", HERE)
            return candidate
    raise SystemExit(f"somebody has the address {source}" if source else "no free address was found")


def leave_address(link: socket.socket, held: list[ipaddress.IPv4Interface], asked: dict[str, Any]) -> None:
    """Give up the address if another machine appears that has it, or asks for it."""
    if is_wanted(link, held[0]):
        run("ip", "address", "flush", "dev", HERE)
        try:
            held[0] = take_address(asked["source"], asked["knocks"][0]["address"])
        except SystemExit as problem:
            print(problem, flush=True)
            os._exit(1)  # asyncio would tell of its tasks instead


def yield_address(link: socket.socket, held: ipaddress.IPv4Interface) -> None:
    """End this process if another machine appears that has the address, or asks for it."""
    if is_wanted(link, held):
        print(f"another machine of the network wants the address {held.ip}: open the way again", flush=True)
        os._exit(1)


def is_wanted(link: socket.socket, held: ipaddress.IPv4Interface) -> bool:
    """Whether the ARP message that has come is of another machine that has the address, or asks for it."""
    frame, mac = link.recv(1500), link.getsockname()[4]
    sender, target = frame[28:32], frame[38:42]
    wants = sender == held.ip.packed or (sender == bytes(4) and target == held.ip.packed)
    return frame[6:12] != mac and wants


def near(guest: str) -> list[ipaddress.IPv4Interface]:
    """Addresses of the guest's network, which may be small, in random order: a machine that appears later is
    then unlikely to want the first one."""
    own = ipaddress.IPv4Interface(guest if "/" in guest else f"{guest}/24")
    length = own.network.prefixlen
    narrow = ipaddress.IPv4Network((int(own.ip), max(length, 24)), strict=False)
    edges = (own.ip, own.network.network_address, own.network.broadcast_address)
    found = [ipaddress.IPv4Interface((int(each), length)) for each in narrow if each not in edges]
    return random.sample(found, min(CANDIDATES, len(found)))


def is_taken(address: ipaddress.IPv4Address) -> bool:
    """Whether any host answers for the address. The question names no sender (RFC 5227), so it changes no
    neighbour table."""
    with listening() as link:
        mac = link.getsockname()[4]
        ends_at = time.monotonic()
        for _ in range(PROBES):
            body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, bytes(4), bytes(6), address.packed)
            link.send(b"\xff" * 6 + mac + struct.pack("!H", ARP) + body)
            ends_at += PROBE_SECONDS
            while (left := ends_at - time.monotonic()) > 0:
                link.settimeout(left)
                try:
                    frame = link.recv(1500)
                except TimeoutError:
                    break
                if frame[6:12] != mac and frame[28:32] == address.packed:
                    return True
    return False


def listening() -> socket.socket:
    """A socket that receives all ARP messages."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP))
    link.bind((HERE, ARP))
    return link


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode != 0:
        raise SystemExit(f"'{' '.join(words)}' failed: {done.stderr.strip()}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
