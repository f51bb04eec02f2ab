"""What cannot be changed is told with its reason, within the time that there is for it, and fails nothing."""

import base64
import os
import socket
import time

import pytest

from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind
from tests.appliance.orders.dns.support_names import NAME, missed, settings, updated

pytestmark = pytest.mark.slow


def test_a_name_that_stands_for_another_one_or_has_several_addresses_stays(site, server, fabric_id):
    serial = server.serial()
    assert missed(site, fabric_id, "alias.shop.example").startswith("it stands for another name (web01.shop")
    assert missed(site, fabric_id, "many.shop.example").startswith("it has several addresses (10.7.9.1, 10")
    assert server.serial() == serial


def test_an_ipv6_address_stays_and_is_told(site, server, fabric_id):
    sentence, _ = updated(site, fabric_id, "six.shop.example")
    assert sentence.endswith("six.shop.example: its IPv6 address fd00::1 was left as it is")
    assert server.addresses("six.shop.example", "AAAA") == ["fd00::1"]


def test_another_zone_is_never_asked_for_and_one_that_the_server_refuses_is_told(site, server, fabric_id):
    assert missed(site, fabric_id, "web01.other.example").startswith("it is in no zone that this appliance")
    site = site.restart(dns=settings(server, zones=["locked.example"]))
    began = time.monotonic()
    assert "does not accept our key" in missed(site, fabric_id, "web01.locked.example", try_seconds=60)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "wrong",
    [{"key_name": "nobody"}, {"algorithm": "hmac-sha512"}, {"secret": base64.b64encode(b"w" * 32).decode()}],
)
def test_a_wrong_key_is_told_at_once(site, server, fabric_id, wrong):
    if "secret" in wrong:
        server.secret_file.write_text(wrong["secret"])
    else:
        site = site.restart(dns=settings(server, **wrong))
    began = time.monotonic()
    assert "it does not accept our key" in missed(site, fabric_id, try_seconds=60)
    assert time.monotonic() - began < 30
    assert server.addresses(NAME) == ["10.7.9.1"]


def test_a_server_that_is_down_is_tried_until_the_time_is_over_and_one_that_comes_back_is_found(
    site, server, fabric_id
):
    server.stop()
    began = time.monotonic()
    assert "Connection refused" in missed(site, fabric_id, try_seconds=2)
    assert time.monotonic() - began < 20
    server.start()
    assert updated(site, fabric_id)[0] == f"{NAME} -> 10.2.0.5"


@pytest.mark.parametrize(("transport", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_server_that_never_answers_costs_no_more_than_its_time(site, server, fabric_id, transport, kind):
    with socket.socket(socket.AF_INET, kind) as silent:
        silent.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            silent.listen()
        site = site.restart(dns=settings(server, port=silent.getsockname()[1], transport=transport))
        began = time.monotonic()
        names = ("a.shop.example", "b.shop.example", "c.shop.example")
        _, verdicts = updated(site, fabric_id, *names, try_seconds=2)
        assert [each["address"] for each in verdicts] == [None] * 3
        assert verdicts[0]["said"] == "name server 127.0.0.1 does not answer"
        assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.chmod(0o640), "can be read or written by others"),
        (lambda path: os.chown(path, 12345, -1), "belongs to user 12345"),
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_text("not base64!"), "holds no secret"),
        (lambda path: path.write_text("c2hvcnQ="), "holds no secret"),
        (lambda path: path.rename(path.with_name("x")) and path.symlink_to("x"), "cannot be read"),
    ],
)
def test_a_secret_that_others_could_have_is_not_used(site, server, fabric_id, spoil, said):
    spoil(server.secret_file)
    assert said in missed(site, fabric_id)
    assert said in warned(site, NAME)
    assert server.addresses(NAME) == ["10.7.9.1"]


def warned(site, *names):
    facts = site.do(Kind.CHECK_TARGET, CheckTarget(names=names))
    assert not any(each["blocking"] for each in facts["obstacles"])
    return " ".join(each["what"] for each in facts["obstacles"])


def test_a_check_warns_of_names_that_this_site_could_not_change(sites, site):
    assert warned(site, NAME) == ""
    assert "web01.other.example will not point here" in warned(site, NAME, "web01.other.example")
    assert "no 'dns' section" in warned(sites[0], NAME)
