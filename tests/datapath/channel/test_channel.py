"""The TLS channel with real sockets and real certificates: who gets in, and what happens when a peer is
not well."""

import os
import socket
import ssl
import threading
import time
from dataclasses import replace

import pytest
import trustme

from rig.eventually import eventually
from secondsite.datapath.channel import handshake as channel
from secondsite.datapath.channel import messages
from secondsite.datapath.channel.listener import DATA_PORT, Listener
from secondsite.datapath.channel.tls import TlsFiles, client_context
from secondsite.datapath.channel.token_bucket import TokenBucket
from secondsite.datapath.errors import (
    FrameDamaged,
    PeerRefused,
    PeerSilent,
    PeerUnreachable,
    PeerUntrusted,
    ProtocolViolated,
)
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.frame import Kind
from secondsite.ground import threads
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import issue


def echo(connection):
    """Send every frame back until the peer leaves."""
    while True:
        received = connection.receive()
        connection.send(codec.encode_plain(received.header.kind, bytes(received.payload)))


@pytest.fixture
def listener(tls):
    listening = Listener("127.0.0.1", 0, tls["target"], echo, limits=replace(DATA_PORT, most=3)).start()
    yield listening
    listening.stop()


def dial(listener, tls, **options):
    return channel.dial("127.0.0.1", listener.port, tls["source"], **options)


def test_messages_and_frames_come_through_and_the_peer_is_known(listener, tls):
    big = os.urandom(3 * MiB)
    with dial(listener, tls, peer_name="target") as connection:
        assert connection.peer_name == "target"
        connection.send_message("HOWDY", number=7)
        assert connection.receive_message("HOWDY").fields == {"number": 7}
        connection.send(codec.encode_plain(Kind.DIGESTS, big))
        assert connection.receive().payload == big
        assert not connection.has_input()
        assert connection.wire_bytes > 6 * MiB


def letter_by_letter(connection):
    """Answers so, and for minutes."""
    frame = messages.encode("HOWDY", {"more": "x" * KiB})
    connection.receive()
    for letter in frame.head + bytes(frame.payload):
        connection.socket.sendall(bytes((letter,)))
        time.sleep(0.1)


@pytest.mark.parametrize("until", [False, True])
def test_a_peer_that_speaks_letter_by_letter_is_a_silent_one(tls, until):
    """It was waited for as long as it liked to go on."""
    listening = Listener("127.0.0.1", 0, tls["target"], letter_by_letter).start()
    try:
        with dial(listening, tls, idle_seconds=0.5) as connection:
            connection.send_message("HOWDY")
            began = time.monotonic()
            with pytest.raises(PeerSilent):
                connection.receive_message("HOWDY", until=began + 0.5 if until else None)
            assert time.monotonic() - began < 5
    finally:
        listening.stop()


def test_a_certificate_of_a_foreign_authority_is_turned_away(listener, tls, tmp_path):
    foreign = issue(trustme.CA(), tmp_path, "source")
    with pytest.raises(PeerUntrusted):  # we do not trust the listener
        channel.dial("127.0.0.1", listener.port, foreign)
    foreign.authority.write_bytes(tls["source"].authority.read_bytes())
    with pytest.raises(PeerUntrusted):  # the listener does not trust us
        channel.dial("127.0.0.1", listener.port, foreign)


def test_an_appliance_with_another_name_is_turned_away(listener, tls):
    with pytest.raises(PeerUntrusted, match="is target, not elsewhere"):
        dial(listener, tls, peer_name="elsewhere")


def test_certificate_files_that_do_not_exist_are_named(tls, tmp_path):
    absent = TlsFiles(tmp_path / "no.pem", tmp_path / "no.key", tls["source"].authority)
    with pytest.raises(PeerUntrusted, match=r"no\.pem"):
        channel.dial("127.0.0.1", 1, absent)


def test_a_port_where_nobody_listens_is_unreachable(tls):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(PeerUnreachable):
            channel.dial("127.0.0.1", unused.getsockname()[1], tls["source"])


def test_a_peer_that_accepts_and_says_nothing_is_silent(tls):
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(PeerSilent):
        channel.dial("127.0.0.1", mute.getsockname()[1], tls["source"], connect_seconds=0.3)


def sleeper(asleep):
    """A server that says nothing until the event is set."""

    def serve(_connection):
        asleep.wait(20)

    return serve


def test_a_peer_that_falls_silent_later_is_given_up_at_the_deadline(tls):
    asleep = threading.Event()
    listener = Listener("127.0.0.1", 0, tls["target"], sleeper(asleep)).start()
    try:
        with channel.dial("127.0.0.1", listener.port, tls["source"], idle_seconds=0.3) as connection:
            began = time.monotonic()
            with pytest.raises(PeerSilent):
                connection.receive()
            assert time.monotonic() - began < 3
        with channel.dial("127.0.0.1", listener.port, tls["source"], idle_seconds=0.3) as connection:
            stuffed = codec.encode_plain(Kind.DIGESTS, bytes(4 * MiB))
            with pytest.raises(PeerSilent):  # nobody reads: the buffers fill up
                for _ in range(64):
                    connection.send(stuffed)
    finally:
        asleep.set()
        listener.stop()


def test_another_protocol_version_is_refused(listener, tls, monkeypatch):
    def greet_as_a_later_release(connection, idle_seconds):
        connection.send_message("HELLO", protocol=channel.PROTOCOL + 1)
        connection.receive_message("HELLO")
        connection.receive_message()

    monkeypatch.setattr("secondsite.datapath.channel.listener.greet", greet_as_a_later_release)
    with pytest.raises(PeerRefused) as refused:
        dial(listener, tls)
    assert refused.value.code == "protocol-version"


def test_a_peer_that_does_not_speak_the_protocol_is_told_apart(tls):
    context = client_context(tls["source"])
    listener = Listener("127.0.0.1", 0, tls["target"], echo).start()
    try:
        with socket.create_connection(("127.0.0.1", listener.port), 5) as plain:
            with context.wrap_socket(plain) as stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\nHost: target\r\n\r\n".ljust(200))
                stranger.settimeout(5)
                first = stranger.recv(4096)
                try:
                    while stranger.recv(4096):
                        pass
                except (ConnectionError, ssl.SSLError):
                    pass
        assert b"HELLO" in first
        with channel.dial("127.0.0.1", listener.port, tls["source"]) as connection:
            connection.send_message("STILL-THERE")
            connection.receive_message("STILL-THERE")
    finally:
        listener.stop()


def test_an_unexpected_message_is_a_violation_and_a_refusal_is_an_error_with_its_code(listener, tls):
    with dial(listener, tls) as connection:
        connection.send_message("THIS")
        with pytest.raises(ProtocolViolated, match="THIS came in place of THAT"):
            connection.receive_message("THAT")
        connection.send_message("REFUSE", code="inbox-full", message="no room", do="wait")
        with pytest.raises(PeerRefused) as refused:
            connection.receive_message("THAT")
        assert (refused.value.code, refused.value.message, refused.value.do) == (
            "inbox-full",
            "no room",
            "wait",
        )


def test_a_damaged_message_is_caught(listener, tls):
    frame = codec.encode_plain(Kind.MESSAGE, b'{"is":"PAY","amount":100}')
    flipped = frame._replace(payload=bytes(frame.payload).replace(b"1", b"9"))
    asleep = threading.Event()

    def damage(connection):
        connection.send(flipped)
        asleep.wait(20)

    listener_of_damage = Listener("127.0.0.1", 0, tls["target"], damage).start()
    try:
        with channel.dial("127.0.0.1", listener_of_damage.port, tls["source"]) as receiver:
            with pytest.raises(FrameDamaged):
                receiver.receive_message("PAY")
    finally:
        asleep.set()
        listener_of_damage.stop()


def test_a_peer_beyond_the_cap_is_closed_and_gets_in_when_another_leaves(listener, tls):
    inside = [dial(listener, tls) for _ in range(3)]
    with pytest.raises(PeerUnreachable):
        dial(listener, tls)
    inside.pop().close()

    def gets_in():
        try:
            return dial(listener, tls)
        except PeerUnreachable:
            return None

    inside.append(eventually(gets_in))
    for connection in inside:
        connection.close()


def test_stopping_ends_every_connection_and_its_thread(tls):
    listener = Listener("127.0.0.1", 0, tls["target"], echo).start()
    connections = [channel.dial("127.0.0.1", listener.port, tls["source"]) for _ in range(3)]
    began = time.monotonic()
    listener.stop()
    assert time.monotonic() - began < 5
    for connection in connections:
        with pytest.raises(PeerUnreachable):
            connection.receive()
        connection.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "data-peer"]


def test_a_taken_port_is_said_so(listener, tls):
    with pytest.raises(PeerUnreachable, match="cannot be opened"):
        Listener("127.0.0.1", listener.port, tls["target"], echo)


def test_a_limit_holds_for_all_connections_that_share_it(listener, tls):
    limit = TokenBucket(8 * MiB, burst_seconds=0.05)
    began = time.monotonic()
    with dial(listener, tls, limiter=limit) as one, dial(listener, tls, limiter=limit) as other:
        for _ in range(4):
            for connection in (one, other):
                connection.send(codec.encode_plain(Kind.DIGESTS, bytes(512 * KiB)))
                connection.receive()
    assert 0.4 < time.monotonic() - began < 3


def test_no_limit_waits_for_nothing_and_a_changed_limit_counts_at_once():
    limit = TokenBucket(None)
    began = time.monotonic()
    limit(10**12)
    assert time.monotonic() - began < 0.1
    limit.set_rate(1 * MiB)
    limit(512 * KiB)
    assert time.monotonic() - began > 0.2


def test_a_peer_without_tls_1_3_is_turned_away(listener, tls):
    context = client_context(tls["source"])
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", listener.port), 5) as plain:
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            context.wrap_socket(plain)


def test_a_renewed_certificate_serves_the_connections_to_come(listener, tls, authority, tmp_path):
    listener.renew(issue(authority, tmp_path, "target-renewed"))
    with dial(listener, tls) as connection:
        assert connection.peer_name == "target-renewed"


def test_a_connection_for_which_there_is_no_thread_is_closed_and_the_next_one_served(tls, monkeypatch):
    real = threads.worker
    refused: list[threads.Worker] = []

    def worker(name, *rest):
        made = real(name, *rest)
        if name == "data-peer" and not refused:
            refused.append(made)
            monkeypatch.setattr(made, "start", no_thread)
        return made

    def no_thread():
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "worker", worker)
    listening = Listener("127.0.0.1", 0, tls["target"], echo).start()
    try:
        with pytest.raises(PeerUnreachable):
            dial(listening, tls, connect_seconds=3)
        dial(listening, tls, connect_seconds=3).close()
        assert refused
    finally:
        listening.stop()
