"""What libvirt says of a failure is not lost on its way."""

import contextlib
import uuid

import libvirt
import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import connection


@pytest.fixture
def handle():
    handle = libvirt.open("test:///default")
    yield handle
    handle.close()


def test_a_cause_that_libvirt_forgot_because_an_object_was_freed_is_told_all_the_same(handle):
    def lookup(unknown):
        garbage = handle.lookupByName("test")
        with contextlib.suppress(libvirt.libvirtError):
            handle.lookupByUUIDString(unknown)
        del garbage
        raise libvirt.libvirtError("looking failed")

    with pytest.raises(errors.NotFound) as caught:
        connection.call("looking for a machine", lookup, str(uuid.uuid4()))
    assert connection.code_of(caught.value) == libvirt.VIR_ERR_NO_DOMAIN
