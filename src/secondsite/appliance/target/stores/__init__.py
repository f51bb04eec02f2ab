"""The stores of this appliance: named folders on file systems of their own, in which replicas are kept.

Its rooms:

    store           one of them, and its free space
    stores          all of them, and which one a replica is in
    store_copies    recognizes a copied store, which must be read before it is trusted
    ownership       whose a replica is, where hosts share a store
    choosing        checks the store that is asked for a replica
    reserved_space  space that replication leaves for starts
"""

from . import choosing, ownership, reserved_space
from .store import Store, around, mark_of
from .stores import Stores, require_all

__all__ = ["Store", "Stores", "around", "choosing", "mark_of", "ownership", "require_all", "reserved_space"]
