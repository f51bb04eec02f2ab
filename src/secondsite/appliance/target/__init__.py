"""Replicas that are kept at this site.

Its rooms:

    replicas       all of them: create, find, remove
    stores/        the folders that they are kept in, and the room there
    store_daemon   the storage daemon through which all of them are written
    trash/         removed replicas, until the deletion delay is over
    replica        one of them, and its lock
    misplaced      one in whose folder another machine's lies
    point_shapes   its points as the vault is told of them
    old_disks      the disks that a machine had here
    coming_home    as what a machine is made that comes home
    admission/     who may send which cycle
    apply          apply received cycles
    trimming       drop old points
    delayed_deletions  what waits for the deletion delay
    journal        which instants can be recovered
    resting        close the disks of replicas that are not worked on
    power_watch    whether machines run that were failed over to here
    second_copies  whether somebody uses the disks that a replica stands on
    copies         whether a machine is such a second copy, by its files
    copies_told    what is told of one
    verdicts       results of reading points
    scrub          reread points in the background
    scrub_journal  reread the journal
    seeds          shipped copies
    kept/          what lies in the store for whoever has nothing but it
    key_custody    the customer's key at this appliance
    key_change     a new key for all replicas
"""

from . import (
    coming_home,
    copies,
    copies_told,
    key_change,
    key_custody,
    old_disks,
    scrub,
    second_copies,
    store_daemon,
    stores,
    trash,
)
from .admission import Admission
from .apply import Applier
from .delayed_deletions import DelayedDeletions, Rules
from .key_custody import GIVE_ONE, Custody
from .misplaced import Misplaced
from .power_watch import PowerWatch
from .replica import FAILOVER, HostedReplica
from .replicas import ReplicaHost
from .resting import Resting
from .scrub import Scrubber
from .second_copies import SecondCopies
from .seeds import Seeds

__all__ = [
    "FAILOVER",
    "GIVE_ONE",
    "Admission",
    "Applier",
    "Custody",
    "DelayedDeletions",
    "HostedReplica",
    "Misplaced",
    "PowerWatch",
    "ReplicaHost",
    "Resting",
    "Rules",
    "Scrubber",
    "SecondCopies",
    "Seeds",
    "coming_home",
    "copies",
    "copies_told",
    "key_change",
    "key_custody",
    "old_disks",
    "scrub",
    "second_copies",
    "store_daemon",
    "stores",
    "trash",
]
