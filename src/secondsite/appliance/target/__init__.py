"""Replicas that are kept at this site.

Its rooms:

    replicas            all of them: create, find, remove
    stores/             the folders that they are kept in, and the free space there
    replica_moves       one goes to another appliance, in a store that their hosts share
    store_daemon        the storage daemon through which all of them are written
    trash/              removed replicas, until the deletion delay is over
    replica             one of them, and its lock
    misplaced_replicas  a replica whose folder holds another machine's, or one of an earlier epoch
    point_shapes        its points, as the vault sees them
    old_disks           the disks that a machine had here
    coming_home         the definition of a machine that comes home
    admission/          who may send which cycle
    apply               apply received cycles
    trimming            drop old points
    delayed_deletions   what waits for the deletion delay
    kept_cycles         the cycles between points: which instants can be recovered
    idle_disks          close the disks of replicas that are not worked on
    power_watch         checks that machines run that were failed over to here
    second_copies/      whether somebody uses the disks that a replica stands on
    verdicts            results of reading points
    scrub               reread points in the background
    scrub_journal       reread the journal
    seeds               shipped copies
    key_change          a new key for all replicas
    rescue_program      for whoever has nothing but the store: the program, and how a machine is started
"""

from . import coming_home, key_change, old_disks, scrub, second_copies, store_daemon, stores, trash
from .admission import Admission
from .apply import Applier
from .delayed_deletions import DelayedDeletions, Rules
from .idle_disks import IdleDisks
from .key_change import GIVE_ONE, Custody
from .misplaced_replicas import MisplacedReplica
from .power_watch import PowerWatch
from .replica import FAILOVER, HostedReplica
from .replica_moves import ReplicaTakeover, SharedStoresWatch, StillOpen
from .replicas import ReplicaHost
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
    "IdleDisks",
    "MisplacedReplica",
    "PowerWatch",
    "ReplicaHost",
    "ReplicaTakeover",
    "Rules",
    "Scrubber",
    "SecondCopies",
    "Seeds",
    "SharedStoresWatch",
    "StillOpen",
    "coming_home",
    "key_change",
    "old_disks",
    "scrub",
    "second_copies",
    "store_daemon",
    "stores",
    "trash",
]
