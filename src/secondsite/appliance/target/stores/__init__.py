"""The stores of this appliance: named folders on file systems of their own, in which replicas are kept.

Its rooms:

    store          one of them, and the room in it
    stores         all of them, and which one a replica is in
    store_copies   whether a store is a copy, of which nothing is believed unread
    choosing       whether a replica may be kept in the store that is asked for
    start_reserve  space that replication leaves for starts
"""

from . import choosing, start_reserve
from .store import Store
from .stores import Stores, require_all

__all__ = ["Store", "Stores", "choosing", "require_all", "start_reserve"]
