"""A source with a valid certificate sends streams that are damaged anywhere; another machine replicates
beside them."""

import contextlib
import json
import resource
import socket
from collections import Counter
from random import Random

import pytest
from structlog.testing import capture_logs

from chaos.border import grown, real
from rig.appliances import Pair
from rig.noise import noise
from secondsite.datapath import channel
from secondsite.datapath.channel import messages
from secondsite.datapath.errors import DatapathError
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow

STREAMS = 120
MOST_GROWN_BYTES = 300 * MiB


def real_stream(pair, dice):
    """A cycle as an honest source sends it, in pieces: its frames are not those that its end counts."""
    state = pair.target.replica(pair.machine_id).replica.state
    header = {
        **real.HEADER, "machine_id": pair.machine_id, "seq": state.begun_seq + 1,
        "base_seq": state.processed_seq, "sync": None,
        "apart": [], "firmware": None, "disks": [{"key": "vda", "size_bytes": 8 * MiB}],
    }  # fmt: skip
    begin = {"is": dice.choice(["BEGIN", "OFFER"]), "header": header, "parts": False}
    question = {"is": "DIGESTS", "disk": 0, "offset": 0, "length": MiB}
    pages = {"is": "PAGES", "disk": 0, "blocks": [0, 1, 2]}
    end = {"is": "END", "frames": 3, "digest": "00"}
    said = [json.dumps(each).encode() for each in (begin, question, pages, end)]
    frames = [each.head + bytes(each.payload) for each in real.encoded(dice)[:3]]
    first, *asked, last = [grown.message(each) for each in said]
    return begin, [first, *asked, *frames, last]


def hostile_stream(pair, dice):
    begin, pieces = real_stream(pair, dice)
    match dice.randrange(4):
        case 0:
            pieces[0] = grown.message(grown.document(begin, dice))
        case 1:
            at = dice.randrange(len(pieces))
            pieces[at] = grown.bits(pieces[at], dice)
        case 2:
            dice.shuffle(pieces)
        case _:
            frame = real.encoded(dice)[0]
            pieces[dice.randrange(1, len(pieces))] = b"".join(
                grown.frame(frame.head, bytes(frame.payload), dice)
            )
    return pieces


def throw(pair, pieces):
    with channel.dial(
        "127.0.0.1", pair.target.port, pair.source.appliance.peers.tls, idle_seconds=2
    ) as connection:
        for piece in pieces:
            connection.socket.sendall(piece)
        connection.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError, OSError):
            while connection.socket.recv(64 * KiB):
                pass
        with contextlib.suppress(OSError):
            connection.socket.unwrap().shutdown(socket.SHUT_RDWR)


def most_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KiB


@pytest.mark.parametrize("seed", [1])
def test_damaged_streams_are_refused_and_the_neighbour_and_the_machine_itself_go_on(pair, sites, seed):
    a, b = sites
    neighbour = Pair(a, b, a.make_machine("db01"), name="db01").protect().synchronized()
    pair.protect().synchronized()
    neighbour.pause()
    pair.pause()
    dice, before = Random(seed), most_memory()
    with capture_logs() as logs:
        for number in range(STREAMS):
            with contextlib.suppress(DatapathError, OSError):
                throw(pair, hostile_stream(pair, dice))
            if number % 30 == 0:
                goes_on(neighbour)
    events = Counter(each["event"] for each in logs)
    crashed = [
        each
        for each in logs
        if each["event"] in ("connection.crashed", "inbox.worker-failed", "cycle.not-applicable")
    ]
    print(f"{STREAMS} streams: {dict(events)}, {(most_memory() - before) // MiB} MiB more")
    assert crashed == []
    assert most_memory() - before < MOST_GROWN_BYTES
    goes_on(neighbour)
    goes_on(pair)


def goes_on(pair):
    pair.source.write(pair.fabric_id, MiB, noise(MiB))
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def test_the_messages_that_streams_are_grown_from_are_understood(pair):
    """Else damage would show nothing."""
    pair.protect().synchronized()
    pair.pause()
    _begin, pieces = real_stream(pair, Random(1))
    with channel.dial("127.0.0.1", pair.target.port, pair.source.appliance.peers.tls) as connection:
        connection.socket.sendall(pieces[0])
        assert messages.decode(connection.receive()).name == "ACCEPT"
