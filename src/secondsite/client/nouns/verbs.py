"""What may be started for machines: the verbs, with their options."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import Verb
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire import rest
from ...wire.common.disk_places import DiskCache, DiskFormat, DiskPlace
from ...wire.rest import verbs as rest_verbs
from ..connection import Connection, path, request
from .jobs import JobHandle

ChoiceName = Literal[
    "latest",
    "latest_processed",
    "latest_app_consistent",
    "latest_verified",
    "latest_multi_vm_processed",
    "latest_multi_vm_app_consistent",
    "custom",
]
Choice = RecoveryPointChoice | ChoiceName
"""How a recovery point is chosen: a member of the enumeration, or its word."""
Way = Direction | Literal["away", "home"]


Seen = rest.Machine | rest.PlanMachine
"""A machine as it was read, with its numbers."""


def start(
    connection: Connection,
    verb: Verb,
    asked: rest.MachinesRequest,
    key: str | None = None,
    seen: Sequence[Seen] = (),
) -> JobHandle:
    """Starts any verb, with its request; returns the job. `seen`: its machines as they were read, in its
    order."""
    where = path("machines", verb.value.replace("_", "-"))
    read = numbers(verb, seen)
    accepted = connection.one(rest.JobAccepted, "POST", where, body=asked, key=key, read=read)
    return JobHandle(connection, accepted.job_id)


def numbers(verb: Verb, machines: Sequence[Seen]) -> Sequence[int]:
    """What rises with each machine that is moved; for the end of drills, also with each drill."""
    ends_drills = verb is Verb.CLEANUP_TEST_FAILOVER
    return [each.generation + each.drill_generation * ends_drills for each in machines]


class Verbs:
    """The verbs of some machines. Each method returns the job that was accepted: one for each machine,
    several under a parent.

    All raise NotFound for an unknown machine, NotPossibleNow where a machine's state does not allow the verb,
    and InvalidArgument for options that do not fit together.
    """

    def __init__(
        self,
        connection: Connection,
        names: tuple[str, ...],
        key: str | None = None,
        seen: Sequence[rest.Machine] = (),
    ) -> None:
        self._connection = connection
        self.names = names
        """Names or ids, as they were given."""
        self._key = key
        self._seen = seen

    def once(self, key: str) -> "Verbs":
        """The same machines; what is started for them carries `key`, any text that is new for every new
        request. The same start with the same key within a day starts nothing and gives the first one's
        job, whatever became of the program that asked. Raises KeyReused for another start."""
        return Verbs(self._connection, self.names, key, self._seen)

    def as_read(self, *seen: rest.Machine) -> "Verbs":
        """The same machines as they were read, in the order of the names. What is started for them raises
        ChangedMeanwhile if one was moved since."""
        return Verbs(self._connection, self.names, self._key, seen)

    def enable_protection(
        self,
        source_site: str,
        target_site: str,
        *,
        target_appliance: str | None = None,
        store: str | None = None,
        policy: str = "default",
        disks: Mapping[str, Sequence[str]] | None = None,
        seeds: Mapping[str, Mapping[str, str]] | None = None,
        encrypt: bool = False,
        apart: str | None = None,
        together: str | None = None,
    ) -> JobHandle:
        """Copies the machines of `source_site` to `target_site` and keeps them in step from then on.

        `disks`: by machine the keys of the disks to protect, all if it is left out. `seeds`: by machine and
        disk key the path, at the target appliance's host, of a shipped copy. `encrypt`: the replicas are
        encrypted there. `target_appliance`: its name or id, where the target site has several; otherwise
        each machine is placed on one of its hosts that has the memory for it. `apart`: machines with this
        word are never placed on one host; `together`: they are, as far as it takes them. `store`: the one
        of that appliance's stores in which the replicas are kept, if not the default one.
        """
        asked = request(
            rest.EnableProtection,
            machines=self.names,
            source_site=source_site,
            target_site=target_site,
            target_appliance=target_appliance,
            store=store,
            policy=policy,
            disks={machine: tuple(keys) for machine, keys in (disks or {}).items()},
            seeds={machine: dict(paths) for machine, paths in (seeds or {}).items()},
            encrypt=encrypt,
            apart=apart,
            together=together,
        )
        return start(self._connection, Verb.ENABLE_PROTECTION, asked, self._key)

    def disable_protection(self, *, without_site: str | None = None, runs_nowhere: bool = False) -> JobHandle:
        """Ends replication and deletes replica and recovery points. The machine itself is not touched.
        `without_site`: the name of a site that is gone for good; what is lost with it is in the job's tasks.
        `runs_nowhere`: also of a machine that was failed over and runs at neither site, which is refused
        otherwise."""
        asked = request(
            rest.DisableProtection, machines=self.names, without_site=without_site, runs_nowhere=runs_nowhere
        )
        return self._start(Verb.DISABLE_PROTECTION, asked)

    def test_failover(
        self,
        *,
        choice: Choice = RecoveryPointChoice.LATEST_PROCESSED,
        point: str | None = None,
        at: datetime | None = None,
        network: str = "create",
        subnet: str | None = None,
        dns_servers: Sequence[str] = (),
        clean_up: bool = False,
        keep_if_failed: bool = False,
        stay_open: bool = False,
        target_appliance: str | None = None,
    ) -> JobHandle:
        """A drill: a copy of each machine runs at the target, apart from everything, until it is cleaned up.

        Started from what `choice` picks, from the recovery point with the id `point`, or from the newest
        cycle at or before `at` (aware). `network`: 'create' an isolated one that all share, 'create-each' for
        each network that they are in at home, 'none', or the name of an isolated one that is there. `subnet`:
        the one that is created gives addresses of it by DHCP, and resolves the machines' names;
        `dns_servers`: DHCP names these in place of the network's own. `clean_up`: each copy goes by itself
        after its proof, whose verdict is the drill's; `keep_if_failed`: unless that failed. `stay_open`: the
        job ends only when somebody has cleaned up, with that verdict. `target_appliance`: at the host of
        that one, which first takes the replicas over, in stores that both reach.
        """
        asked = request(
            rest.TestFailover,
            machines=self.names,
            choice=choice,
            point=point,
            at=at,
            network=network,
            subnet=subnet,
            dns_servers=tuple(dns_servers),
            clean_up=clean_up,
            keep_if_failed=keep_if_failed,
            stay_open=stay_open,
            target_appliance=target_appliance,
        )
        return self._start(Verb.TEST_FAILOVER, asked)

    def cleanup_test_failover(
        self,
        *,
        notes: str = "",
        verdict: Verdict | Literal["passed", "failed"] | None = None,
        without_site: str | None = None,
    ) -> JobHandle:
        """Ends a drill: the copy and its network are removed, `notes` on what was seen and the `verdict` are
        kept; None: that of its proof. `without_site`: as for commit."""
        asked = request(
            rest.CleanupTestFailover,
            machines=self.names,
            notes=notes,
            verdict=verdict,
            without_site=without_site,
        )
        return self._start(Verb.CLEANUP_TEST_FAILOVER, asked)

    def failover(
        self,
        *,
        choice: Choice = RecoveryPointChoice.LATEST,
        point: str | None = None,
        at: datetime | None = None,
        shut_down_source: bool = False,
        direction: Way | None = None,
        target_appliance: str | None = None,
    ) -> JobHandle:
        """Starts the machines at the target; never waits for a dead source.

        Started from what `choice` picks, from the recovery point with the id `point`, or from the newest
        cycle at or before `at` (aware). `shut_down_source`: first tries to shut the machines down and to send
        their last changes. `direction`, 'away' or 'home', is needed if they would go different ways; those of
        the other way are left out. `target_appliance`: as for a test failover.
        """
        asked = request(
            rest.Failover,
            machines=self.names,
            choice=choice,
            point=point,
            at=at,
            shut_down_source=shut_down_source,
            direction=direction,
            target_appliance=target_appliance,
        )
        return self._start(Verb.FAILOVER, asked)

    def planned_failover(
        self,
        *,
        choice: Choice = RecoveryPointChoice.LATEST,
        data_sync: DataSync | str | None = None,
        at_most_down_seconds: float | None = None,
        direction: Way | None = None,
        target_appliance: str | None = None,
        location: rest.Location | str | None = None,
        store: str | None = None,
    ) -> JobHandle:
        """Moves the machines without losing a write; also the way back. Both sites must be up. On the way
        back `choice` may be 'latest_app_consistent' (of the machines' groups:
        'latest_multi_vm_app_consistent'): what they wrote since that point is left behind. `data_sync`,
        for one machine that was committed and not reprotected: 'before' synchronizes while it runs, then
        the job waits for an answer; 'during' shuts it down first and sends everything.
        `at_most_down_seconds` is a budget for the downtime: if it cannot be met, they are not shut down.
        `direction`, `target_appliance`: as for failover; with `data_sync` the appliance, `location` and
        `store` are those of a reprotect."""
        asked = request(
            rest.PlannedFailover,
            machines=self.names,
            choice=choice,
            data_sync=data_sync,
            at_most_down_seconds=at_most_down_seconds,
            direction=direction,
            target_appliance=target_appliance,
            location=location,
            store=store,
        )
        return self._start(Verb.PLANNED_FAILOVER, asked)

    def change_recovery_point(
        self,
        *,
        choice: Choice = RecoveryPointChoice.CUSTOM,
        point: str | None = None,
        at: datetime | None = None,
    ) -> JobHandle:
        """Starts failed-over machines again from another instant, until commit. What they wrote since is
        lost."""
        asked = request(rest.ChangeRecoveryPoint, machines=self.names, choice=choice, point=point, at=at)
        return self._start(Verb.CHANGE_RECOVERY_POINT, asked)

    def commit(self, *, without_site: str | None = None) -> JobHandle:
        """Accepts the failover: its recovery point is kept, all others are deleted. `without_site`: the name
        of a site that is gone for good; what is lost with it is in the job's tasks."""
        asked = request(rest.Commit, machines=self.names, without_site=without_site)
        return self._start(Verb.COMMIT, asked)

    def cancel_failover(self, *, without_site: str | None = None) -> JobHandle:
        """Takes a planned failover back before commit: the machines run at their source again.
        `without_site`: the name of a site that is gone for good; what is lost with it is in the job's
        tasks."""
        asked = request(rest.CancelFailover, machines=self.names, without_site=without_site)
        return self._start(Verb.CANCEL_FAILOVER, asked)

    def reprotect(
        self,
        *,
        location: rest.Location | Literal["original", "alternate"] = "original",
        target_appliance: str | None = None,
        store: str | None = None,
        seeds: Mapping[str, Mapping[str, str]] | None = None,
    ) -> JobHandle:
        """Replicates committed machines back to where they came from: onto the old disks ('original', only
        changes travel) or as full copies ('alternate'). `target_appliance`: with 'alternate' the name or
        id of the appliance there that will hold them, if not the one that had them. `store`: where new
        disks are made, and data and recovery points are kept from now on; a replica that is there already
        stays where it is. `seeds`: with 'alternate', by machine and disk key the path, at that appliance's
        host, of a shipped copy."""
        asked = request(
            rest.Reprotect,
            machines=self.names,
            location=location,
            target_appliance=target_appliance,
            store=store,
            seeds={machine: dict(paths) for machine, paths in (seeds or {}).items()},
        )
        return self._start(Verb.REPROTECT, asked)

    def resynchronize(self) -> JobHandle:
        """Compares every block of source and replica, and sends those that differ."""
        return self._start(Verb.RESYNCHRONIZE, request(rest.Resynchronize, machines=self.names))

    def update_names(self) -> JobHandle:
        """Lets the machines' DNS names point to where they run now, if a move could not see to it."""
        return self._start(Verb.UPDATE_NAMES, request(rest_verbs.UpdateNames, machines=self.names))

    def settle(
        self,
        place: str | None = None,
        *,
        disk_format: DiskFormat | Literal["qcow2", "raw"] = "qcow2",
        cache: DiskCache | None = None,
        disks: Mapping[str, DiskPlace] | None = None,
        unencrypted: bool = False,
        bytes_per_second: int | None = None,
    ) -> JobHandle:
        """Moves the disks of committed machines from the appliance's store to the site's own storage, while
        they run. `place`: a storage pool, or the path of a folder or block device there; `disk_format`: qcow2
        or raw; `cache`: QEMU's mode from their next start on; `disks`: where single ones go, by key.
        `unencrypted`: also disks whose replica is encrypted. `bytes_per_second` limits the copies of each
        machine together."""
        asked = request(
            rest_verbs.Settle,
            machines=self.names,
            place=None if place is None else {"place": place, "format": disk_format, "cache": cache},
            disks=dict(disks or {}),
            unencrypted=unencrypted,
            bytes_per_second=bytes_per_second,
        )
        return self._start(Verb.SETTLE, asked)

    def move_replica(self, target_appliance: str | None = None, *, host_is_gone: bool = False) -> JobHandle:
        """Other hosts of their sites take the machines' replicas over, in stores that both reach: that of
        `target_appliance`, or the ones that fit best. `host_is_gone`: the present host is off for good, and
        machines that were failed over there start at the other one."""
        asked = request(
            rest_verbs.MoveReplica,
            machines=self.names,
            target_appliance=target_appliance,
            host_is_gone=host_is_gone,
        )
        return self._start(Verb.MOVE_REPLICA, asked)

    def include_disk(self, *keys: str) -> JobHandle:
        """Protects disks that were added later or left out; only they are copied."""
        return self._start(
            Verb.INCLUDE_DISK, request(rest.IncludeDisk, machines=self.names, disks=tuple(keys))
        )

    def exclude_disk(self, *keys: str) -> JobHandle:
        """Leaves disks out from now on. Recovery points that have them keep them."""
        return self._start(
            Verb.EXCLUDE_DISK, request(rest.ExcludeDisk, machines=self.names, disks=tuple(keys))
        )

    def _start(self, verb: Verb, asked: rest.MachinesRequest) -> JobHandle:
        return start(self._connection, verb, asked, self._key, self._seen)
