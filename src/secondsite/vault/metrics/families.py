"""The names of all metrics, and what each says. `docs/reference/metrics.md` is made of them."""

from collections.abc import Iterator
from dataclasses import dataclass

PREFIX = "secondsite_"
OF_MACHINE = ("machine", "id", "source", "target")
OF_APPLIANCE = ("appliance", "site")


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A metric. `labels` are those of each of its samples; a counter's name ends with _total."""

    name: str
    says: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False

    @property
    def kind(self) -> str:
        return "counter" if self.is_counter else "gauge"


def _machine(name: str, says: str, *more: str, is_counter: bool = False) -> Family:
    return Family(f"{PREFIX}machine_{name}", says, (*OF_MACHINE, *more), is_counter)


def _appliance(name: str, says: str, *more: str) -> Family:
    return Family(f"{PREFIX}{name}", says, (*OF_APPLIANCE, *more))


def _vault(name: str, says: str, *labels: str, is_counter: bool = False) -> Family:
    return Family(f"{PREFIX}{name}", says, labels, is_counter)


MACHINE_STATE = _machine("state", "1 for the state that the machine is in.", "state")
MACHINE_HEALTH = _machine(
    "health", "The worst of its findings: 0 healthy or not applicable, 1 warning, 2 critical."
)
MACHINE_FINDING = _machine("finding", "1 for each finding that the machine has now.", "code", "severity")
MACHINE_RPO = _machine("rpo_seconds", "How much work would be lost now.")
MACHINE_RPO_GOAL = _machine("rpo_goal_seconds", "The RPO threshold of its policy.")
MACHINE_SENT = _machine("sent_age_seconds", "How old the newest cycle is that the target has.")
MACHINE_PROCESSED = _machine(
    "processed_age_seconds", "How old the newest cycle is that the target has applied."
)
MACHINE_SYNCHRONIZED = _machine(
    "synchronization_ratio", "How far a pass over whole disks is, 0 to 1; absent if none runs."
)
MACHINE_CYCLE = _machine("cycle_seconds", "How long the last cycle took.")
MACHINE_CHANGED = _machine("cycle_changed_bytes", "What the machine had changed in the last cycle.")
MACHINE_SENT_BYTES = _machine(
    "sent_bytes_total", "What was sent over the wire for it, since its appliance counts.", is_counter=True
)
MACHINE_INBOX = _machine("inbox_bytes", "What has arrived at the target and waits to be applied.")
MACHINE_STORE = _machine("store_bytes", "What its replica takes in the store.")
MACHINE_JOURNAL = _machine("journal_bytes", "What of that is the journal between its points.")
MACHINE_POINTS = _machine("points", "How many undamaged recovery points there are of each grade.", "grade")
MACHINE_DAMAGED = _machine("points_damaged", "How many of its recovery points are damaged.")
MACHINE_OLDEST = _machine("oldest_point_timestamp_seconds", "The instant of its oldest point.")
MACHINE_VERIFIED = _machine(
    "verified_timestamp_seconds", "When one of its points was last read and found whole."
)
MACHINE_PROVEN = _machine(
    "proven_timestamp_seconds", "When a machine started from one of its points last proved that it works."
)
MACHINE_DRILLED = _machine(
    "drilled_timestamp_seconds", "When its last test failover was cleaned up; absent if there was none."
)
MACHINE_DRILL_FAILED = _machine("drill_failed", "Whether its last test failover with a verdict failed.")
MACHINE_RECOVERED = _machine(
    "recovery_seconds", "How long its last drill or failover took until it was seen to work."
)
MACHINE_RTO_GOAL = _machine("rto_goal_seconds", "The RTO goal of its policy; absent if it has none.")

APPLIANCE_INFO = _appliance(
    "appliance_info", "1; its version, platform and host.", "version", "fabric", "host"
)
APPLIANCE_CONNECTED = _appliance("appliance_connected", "Whether it is connected to the vault.")
APPLIANCE_SEEN = _appliance("appliance_seen_timestamp_seconds", "When it was last heard.")
APPLIANCE_CERTIFICATE = _appliance(
    "appliance_certificate_expiry_timestamp_seconds", "When its certificate ends."
)
APPLIANCE_DRAINED = _appliance("appliance_drained", "Whether nothing new is placed there.")
APPLIANCE_DISBELIEVED = _appliance(
    "appliance_disbelieved", "Whether it reported something that was not believed."
)
HOST_MEMORY = _appliance("host_memory_bytes", "The memory of its host.")
HOST_FREE = _appliance("host_memory_free_bytes", "What of it is free for machines.")
SCRATCH_FREE = _appliance("scratch_free_bytes", "Free space of the file system of its scratch space.")
SCRATCH_SIZE = _appliance("scratch_size_bytes", "The size of that file system.")
STORE_FREE = _appliance("store_free_bytes", "Free space of a store's file system.", "store")
STORE_SIZE = _appliance("store_size_bytes", "The size of a store's file system.", "store")
STORE_PROBLEM = _appliance("store_problem", "Whether nothing can be kept in a store now.", "store")

VAULT_INFO = _vault("vault_info", "1; the vault's name and version.", "vault", "version")
VAULT_BACKUP = _vault(
    "vault_backup_timestamp_seconds", "When the vault's last good backup was made; absent if there is none."
)
VAULT_CA = _vault("vault_ca_expiry_timestamp_seconds", "When the vault's CA ends.")
VAULT_LAG = _vault(
    "vault_loop_lag_seconds", "How late this process came to its work, at most, in the last minute."
)
JOBS = _vault("jobs", "How many jobs are in progress.", "verb", "state")
JOBS_ENDED = _vault(
    "jobs_ended_total", "How many jobs ended, since this process started.", "verb", "result", is_counter=True
)
APPROVALS = _vault("approvals_waiting", "How many requests wait for a second person.")


def every() -> Iterator[Family]:
    """All families, in the order in which they are told."""
    return (each for each in globals().values() if isinstance(each, Family))
