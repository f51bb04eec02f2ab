"""The series of an appliance, its host and its stores."""

from ...wire.common.hosts import HostCapacity
from ...wire.common.stores import StoreSpace
from ..store import ApplianceRecord
from . import families as of
from .exposition import Exposition, labelled


def tell(to: Exposition, appliance: ApplianceRecord) -> None:
    """Add all that is known of the appliance."""
    labels = labelled(of.OF_APPLIANCE, (appliance.name, appliance.site))
    to.add(of.APPLIANCE_CONNECTED, labels, int(appliance.connected))
    to.add(of.APPLIANCE_SEEN, labels, appliance.last_seen_at)
    to.add(of.APPLIANCE_CERTIFICATE, labels, appliance.certificate_expires_at)
    to.add(of.APPLIANCE_DRAINED, labels, int(appliance.drained_at is not None))
    to.add(of.APPLIANCE_DISBELIEVED, labels, int(appliance.disbelieved is not None))
    if appliance.hello is not None:
        hello = appliance.hello
        what = labelled(("version", "fabric", "host"), (hello.version, hello.fabric_kind, hello.host or ""))
        to.add(of.APPLIANCE_INFO, f"{labels},{what}", 1)
    if appliance.capacity is not None:
        _tell_host(to, labels, appliance.capacity)
    for store in appliance.stores:
        _tell_store(to, f"{labels},{labelled(('store',), (store.name,))}", store)


def _tell_host(to: Exposition, labels: str, capacity: HostCapacity) -> None:
    to.add(of.HOST_MEMORY, labels, capacity.memory_bytes)
    to.add(of.HOST_FREE, labels, capacity.free_bytes)
    to.add(of.SCRATCH_FREE, labels, capacity.scratch_free_bytes)
    to.add(of.SCRATCH_SIZE, labels, capacity.scratch_size_bytes)


def _tell_store(to: Exposition, labels: str, store: StoreSpace) -> None:
    to.add(of.STORE_FREE, labels, store.free_bytes)
    to.add(of.STORE_SIZE, labels, store.size_bytes)
    to.add(of.STORE_PROBLEM, labels, int(store.problem is not None))
