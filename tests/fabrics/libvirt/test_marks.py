"""A machine that is fenced neither starts with its host nor by its owner: libvirt's own test driver keeps our
marks as QEMU's does."""

import libvirt
import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import inventory, tagging


@pytest.fixture
def domain():
    handle = libvirt.open("test:///default")
    domain = handle.lookupByName("test")
    tagging.write(domain, "m1")
    yield domain
    del domain
    handle.close()


def test_a_fenced_machine_has_the_mark_that_the_hook_looks_for_and_no_autostart(domain):
    domain.setAutostart(1)
    for _ in range(2):
        tagging.forbid_start(domain, "m1")
        assert inventory.is_start_forbidden(domain)
        assert inventory.mark_of(domain) == {"tag": "m1", "start": "forbidden", "autostart": "before"}
        assert not domain.autostart()


def test_it_has_both_as_before_once_the_fence_is_down(domain):
    tagging.forbid_start(domain, "m1")
    tagging.allow_start(domain, "m1", with_host=True)
    assert not inventory.is_start_forbidden(domain)
    assert inventory.tag_of(domain) == "m1"
    assert domain.autostart()


def test_a_machine_of_another_protection_is_left_alone(domain):
    domain.setAutostart(1)
    with pytest.raises(errors.NotOurs):
        tagging.forbid_start(domain, "m2")
    assert not inventory.is_start_forbidden(domain)
    assert domain.autostart()
