"""The replica: what the target holds of one machine, as files that plain QEMU boots.

Its rooms:

    replica       every verb of a replica, as one class
    verbs/        one verb per file
    core          files, state, open heads and digest maps, for all verbs
    chain/        disks as chains of qcow2 layers
    record/       the record of a replica, and the paths of its files
"""

from . import replica
from .record.record import ReplicaState
from .record.record import load as load_record
from .replica import Replica
from .verbs import seed
from .verbs.create import BaseImage, ReplicaDisk
from .verbs.remove import delete, sweep
from .verbs.seed import Pieces, Seed
from .verbs.stats import PointFingerprint, PointRecord
from .verbs.verify import Verification
from .verbs.view import View

__all__ = [
    "BaseImage",
    "Pieces",
    "PointFingerprint",
    "PointRecord",
    "Replica",
    "ReplicaDisk",
    "ReplicaState",
    "Seed",
    "Verification",
    "View",
    "delete",
    "load_record",
    "replica",
    "seed",
    "sweep",
]
