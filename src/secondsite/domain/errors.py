"""Every error a person can meet: what happened, to what, and what to do.

    SecondsiteError
    ├── InvalidArgument        the request itself is wrong
    ├── NotFound               no such machine, site, point, ...
    ├── AlreadyExists
    ├── NotPossibleNow         the lifecycle does not allow the verb in this state
    ├── Unauthenticated        no token, or one that is not valid
    ├── RegistrationRefused    the key is unknown, used or expired
    ├── CertificateRefused     a certificate that the vault's CA did not issue
    ├── PrerequisiteFailed     the Prerequisites check found reasons not to start
    ├── VaultUnreachable       the vault does not answer a client
    ├── ApplianceUnreachable   the appliance has no connection to the vault
    ├── PeerUnreachable        an appliance cannot reach the other site's appliance
    ├── DeadlineExceeded       something did not answer in time
    │   └── Conflict           another writer changed the same record first; nothing was written
    ├── StoreUnavailable       the vault's database does not answer; nothing was written
    ├── FabricError            the hypervisor refused or failed
    │   └── NotOurs            a domain, disk or network that does not carry our tag
    ├── SeedRefused            a disk copy that was named as a seed may not be read, or cannot
    ├── StoreFull              no space for inbox or replica
    ├── ScratchExhausted       the backup job would have hurt the guest, so it was given up
    ├── ReplicaError           the chain of recovery points is not as it should be
    │   └── PointDamaged       a recovery point is not what was sealed
    └── Internal               a defect; the message names where
An error crosses a process as its code, message and do; `from_wire` gives the same class back.
"""

from collections.abc import Sequence
from typing import ClassVar


class SecondsiteError(Exception):
    """Base of all: `code` for scripts, `message` for people, `do` the next thing to try."""

    code: ClassVar[str] = "error"
    default_do: ClassVar[str] = "Look at the job's tasks with 'secondsite job show' and try again."

    def __init__(self, message: str, *, do: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.do = do or self.default_do

    def __str__(self) -> str:
        return self.message


class InvalidArgument(SecondsiteError):
    code = "invalid-argument"
    default_do = "Correct the argument; '--help' shows what is accepted."


class NotFound(SecondsiteError):
    code = "not-found"
    default_do = "List what exists with 'secondsite <noun> list'."

    @classmethod
    def named(cls, noun: str, name: str, listed_by: str | None = None) -> "NotFound":
        """`listed_by` are the words of the command that lists them, where they are not 'NOUN list'."""
        command = listed_by or f"{noun} list"
        return cls(f"There is no {noun} '{name}'.", do=f"List them with 'secondsite {command}'.")


class AlreadyExists(SecondsiteError):
    code = "already-exists"
    default_do = "Choose another name."


class NotPossibleNow(SecondsiteError):
    code = "not-possible-now"

    @classmethod
    def verb(cls, verb: str, machine: str, state: str, allowed: Sequence[str]) -> "NotPossibleNow":
        possible = ", ".join(allowed) if allowed else "nothing until the running job ends"
        return cls(
            f"{verb} is not possible for machine '{machine}' in state {state}.",
            do=f"Possible now: {possible}.",
        )


class Unauthenticated(SecondsiteError):
    code = "unauthenticated"
    default_do = (
        "Give a valid access token: --token, SECONDSITE_TOKEN, or the file 'secondsite vault init' wrote."
    )


class RegistrationRefused(SecondsiteError):
    code = "registration-refused"
    default_do = "Make a new registration key with 'secondsite appliance key --site SITE' and enroll again."


class CertificateRefused(SecondsiteError):
    code = "certificate-refused"
    default_do = "Compare the CA's fingerprint with 'secondsite vault show'; enroll the appliance again."


class PrerequisiteFailed(SecondsiteError):
    code = "prerequisite-failed"


class ApplianceUnreachable(SecondsiteError):
    code = "appliance-unreachable"
    default_do = "Check that the appliance runs and can dial the vault: 'secondsite appliance list'."


class VaultUnreachable(SecondsiteError):
    code = "vault-unreachable"
    default_do = "Check that 'secondsite vault run' is up and that --url is right. Replication goes on without the vault."


class PeerUnreachable(SecondsiteError):
    code = "peer-unreachable"
    default_do = "Check the data port and the network between the two sites' appliances."


class DeadlineExceeded(SecondsiteError):
    code = "deadline-exceeded"
    default_do = "See which process is slow or gone with 'secondsite appliance list', then retry the job."


class Conflict(DeadlineExceeded):
    code = "conflict"
    default_do = "Look at the record again and repeat the request."


class StoreUnavailable(SecondsiteError):
    code = "store-unavailable"
    default_do = "Check that the vault's database runs and has space, then repeat the request."


class FabricError(SecondsiteError):
    code = "fabric-error"
    default_do = "Look at the hypervisor's own log for this machine, then retry the job."


class NotOurs(FabricError):
    code = "not-ours"
    default_do = "Rename or remove the foreign object, or choose another name for the machine at the target."


class SeedRefused(SecondsiteError):
    code = "seed-refused"
    default_do = (
        "Name a readable copy of this very disk, in a folder that the target's appliance reads seeds from."
    )


class StoreFull(SecondsiteError):
    code = "store-full"
    default_do = "Free space in the appliance's store or shorten the policy's retention; replication goes on by itself."


class ScratchExhausted(SecondsiteError):
    code = "scratch-exhausted"
    default_do = "Give the appliance more scratch space or a faster link; replication goes on by itself."


class ReplicaError(SecondsiteError):
    code = "replica-error"
    default_do = "Start 'secondsite machine resynchronize'; older recovery points stay usable."


class PointDamaged(ReplicaError):
    code = "point-damaged"
    default_do = (
        "Choose another point with 'secondsite point list MACHINE'. New points are made whole by comparing all blocks "
        "with the source, by itself."
    )


class KeyMissing(ReplicaError):
    code = "encryption-key-missing"
    default_do = "Give the appliance its key file and restart it; nothing is lost meanwhile."


class KeyWrong(ReplicaError):
    code = "encryption-key-wrong"
    default_do = (
        "Put the key file back that was used before and restart the appliance; nothing is lost meanwhile."
    )


class Internal(SecondsiteError):
    code = "internal"
    default_do = (
        "This is a defect. Retry the job; if it fails again report it with the log of the process named."
    )


def _tree(cls: type[SecondsiteError]) -> list[type[SecondsiteError]]:
    return [cls, *(deeper for sub in cls.__subclasses__() for deeper in _tree(sub))]


def by_code() -> dict[str, type[SecondsiteError]]:
    """The error classes by their code; one that only inherits its code crosses a process as its parent."""
    return {cls.code: cls for cls in _tree(SecondsiteError) if "code" in vars(cls)}


def from_wire(code: str, message: str, do: str) -> SecondsiteError:
    """The error as the other process raised it; an unknown code keeps its text and becomes Internal."""
    return by_code().get(code, Internal)(message, do=do)
