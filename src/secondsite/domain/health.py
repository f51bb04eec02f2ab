"""The catalogue of findings: named facts about health, each with its likely cause and recommended action."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is. A critical one needs somebody now."""

    WARNING = "warning"
    CRITICAL = "critical"


class Health(StrEnum):
    """A machine's health: the worst of its findings. not_applicable: it does not replicate, and nothing is
    wrong."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class FindingKind:
    code: str
    severity: Severity
    cause: str
    do: str
    colours: bool = True
    """Whether the finding changes the machine's health to its severity. If not, somebody should do something,
    but the machine is as healthy as before."""
    by_vault: bool = False
    """Only the vault finds it; an appliance that reports it is not believed."""


def _kind(
    code: str, severity: Severity, cause: str, do: str, *, colours: bool = True, by_vault: bool = False
) -> FindingKind:
    return FindingKind(code, severity, cause, do, colours, by_vault)


DRILL_IT = (
    "'secondsite machine test-failover MACHINE', look at it, then 'secondsite machine cleanup-test-failover "
    "MACHINE --verdict passed --notes WHAT'; or let 'secondsite drill schedule set' do it."
)
UNKNOWN = "cycle-failed"
"""The code under which a finding of an appliance is shown that no vault knows yet, or that only the vault may
report."""
CLOCK_SKEW = "clock-skew"
REDEFINED, WRITTEN = "failed-over-machine-redefined", "old-disks-written"
ELSEWHERE = "failed-over-machine-elsewhere"
LEFT = "disks-left"
COMMITS_ITSELF = "commits-by-itself"
WAKES = frozenset({COMMITS_ITSELF})
"""Findings that are told at once although they are warnings: after quiet hours nobody could say no."""
SILENT_SECONDS = 90
"""Appliances report on each of their machines every few seconds; one that is not mentioned for so many
seconds is unknown to its appliance."""
W, C = Severity.WARNING, Severity.CRITICAL
CATALOGUE: dict[str, FindingKind] = {
    kind.code: kind
    for kind in (
        _kind(
            "rpo-exceeded",
            W,
            "The newest usable point is older than the policy's threshold: churn exceeds the link's "
            "bandwidth, or a side is down.",
            (
                "Compare churn and bandwidth with 'secondsite machine show MACHINE', or raise the threshold "
                "of the policy."
            ),
            by_vault=True,
        ),
        _kind(
            "address-not-set",
            W,
            "A card should have another address where the machine was started, but does not: no guest "
            "agent answered, or its guest is not one in which an address can be set (Linux, Windows). "
            "The machine cannot be reached at that address.",
            "Set the address in the guest by hand, or install qemu-guest-agent in it before the next time.",
            by_vault=True,
        ),
        _kind(
            "address-until-next-boot",
            W,
            "A card has the address that is set for it, but its guest's own network configuration was left "
            "as it was: it is none that is understood, or the guest could not write it. After the guest's "
            "next boot the card has another address.",
            "Write the address into the guest's network configuration by hand, or let a DHCP server give it.",
            by_vault=True,
        ),
        _kind(
            "address-changed",
            W,
            "A card of a machine that was failed over has another address than the one that is set for it, "
            "and that it had: its guest was started anew, or somebody changed it.",
            "Set the address in the guest by hand, or give the card's other one as what is wanted: "
            "'secondsite card set MACHINE CARD --address ADDRESS/PREFIX'.",
        ),
        _kind(
            "network-not-restored",
            W,
            "The machine came home, and its guest may still have network configuration that was written for "
            "the other site.",
            "Look at it in the guest: the files of before are in /var/lib/secondsite/network. Remove that "
            "folder once the guest has its own addresses again.",
            by_vault=True,
        ),
        _kind(
            "names-elsewhere",
            W,
            "The machine runs, but DNS names of it could not be changed to where it runs.",
            "Read the reason and repair it, then type 'secondsite machine update-names MACHINE'.",
            by_vault=True,
        ),
        _kind(
            "scratch-exhausted",
            W,
            "Scratch space is full, or the guest overwrote more during a cycle than its budget holds: the "
            "cycle was given up before it could disturb the guest.",
            (
                "Free or give the appliance scratch space, or give it a shorter cycle or a faster link. "
                "Replication goes on by itself."
            ),
        ),
        _kind(
            "target-store-full",
            C,
            (
                "The target's store has no free space for the inbox or the replica; the last of it is kept "
                "for the start of its machines."
            ),
            "Free space at the target, or give its store more. A retention that is shortened frees space "
            "once the target's deletion delay is over; 'secondsite appliance trash list' at its host shows "
            "what is kept until then. Replication goes on by itself.",
        ),
        _kind(
            "target-store-away",
            C,
            (
                "The target's store is not mounted, or cannot be read or written: nothing is replicated to "
                "it, and no machine of it can be failed over."
            ),
            "Look at the mounts and the kernel's log of the target's host; mount the store, or put it right, "
            "then restart its appliance ('systemctl restart secondsite-appliance'). Nothing of "
            "the replica is lost meanwhile; do not end the machine's protection for it.",
        ),
        _kind(
            "chain-long",
            W,
            "A disk of the machine stands on more than 20 files, by snapshots of its owner or of another "
            "program. libvirt 10.8 to 11.10 starts no machine with more than 25 (22 where files are "
            "encrypted or have bitmaps), and ends a running one with more when its daemon is restarted.",
            "Merge its owner's snapshots at its site, disk by disk, and name the file that they end in: "
            "'virsh blockcommit MACHINE DISK --base FILE --active --pivot --wait --verbose'. FILE is one "
            "that no other machine and no recovery point stands on ('qemu-img info -U --backing-chain' "
            "shows all); without --base everything is written into the lowest file, which may be a shared "
            "template, or in our store. Replication goes on.",
        ),
        _kind(
            "disks-moving",
            W,
            "The machine's disks are being moved to its site's own storage, for minutes already ('secondsite "
            "machine settle MACHINE'). Replication pauses until that ends, and the RPO grows.",
            "Nothing, while less and less is left. Else cancel the job ('secondsite job cancel JOB'): the "
            "machine stays where it was, and replication goes on. Begin again with a higher '--limit'.",
        ),
        _kind(
            "history-kept",
            W,
            "A retention was lowered or a hold was released, and the target keeps what that would delete "
            "until its deletion delay is over. Or its least retention is longer than the policy's.",
            "Nothing, if it was meant: the points go then by themselves. If nobody meant it, somebody else "
            "may have your token: "
            "replace the vault's tokens, raise the retention again, and hold the points that you need.",
        ),
        _kind(
            "peer-unreachable",
            W,
            "The other site's appliance does not answer on its data port.",
            "Check that appliance, its data port and the link.",
        ),
        _kind(
            "peer-refused",
            C,
            "The other site's appliance refused the cycle.",
            (
                "Read its reason; 'secondsite machine resynchronize MACHINE' repairs a replica that no "
                "longer follows its source."
            ),
        ),
        _kind(
            "cycle-not-understood",
            C,
            "The source's appliance announced a cycle with impossible values. The cycle was refused, "
            "and nothing of it was kept.",
            "Bring both appliances to the same release. If they are, somebody may speak in the name of the "
            "source's appliance: hold the points that matter with 'secondsite point hold MACHINE POINT "
            "--reason WHY', and look at that host.",
        ),
        _kind(
            "resynchronizing",
            W,
            "The change bitmap was lost or is not usable (a host or QEMU died, a foreign tool removed it), "
            "or the target lost or doubts what it has, so blocks are compared and only those that differ "
            "are sent.",
            "Nothing: comparing ends by itself. Older recovery points stay usable meanwhile.",
        ),
        _kind(
            "common-point-missed",
            W,
            "The machines of the replication group got no common point: a member was not ready or failed, "
            "they could not all be paused within the time budget, or another appliance that has machines of "
            "the group took no part.",
            "Read the reason, which names the appliance if it is another; the next common point is tried by "
            "itself, and each machine still gets its own points.",
        ),
        _kind(
            "unsafe-to-view",
            C,
            "A disk of the machine is served by an iothread, and QEMU before 9.0 aborts, guest and all, "
            "when a reader of the disk's frozen view goes away. So no view is opened, and nothing is "
            "replicated while the machine runs.",
            "Remove the iothread from the disk (or from its controller) and restart the machine, or upgrade "
            "QEMU to 9.0 and restart it. Replication goes on by itself.",
        ),
        _kind(
            "machine-missing",
            C,
            "The hypervisor no longer knows the machine: it was undefined, or migrated to another host.",
            "If it was migrated to a host with an appliance of this site, nothing: it goes on by itself. "
            "Enroll one there if there is none ('secondsite appliance create-registration-key --site SITE'). "
            "If it was undefined, define it again. Its recovery points stay usable until then.",
        ),
        _kind(
            "mark-lost",
            C,
            "Another program defined the machine anew, and our tag went with its old definition. Where the "
            "disks say that it is the machine, the tag is put back by itself; these do not.",
            "If it is the machine that is protected, 'secondsite machine resynchronize MACHINE' marks it "
            "again and compares all its blocks. If it is another one, define the machine again, or disable "
            "its protection. Until then a planned failover is refused.",
        ),
        _kind(
            "machine-silent",
            C,
            "The agent in the machine does not answer: the machine is off, or its way to the appliance is "
            "cut. After a failover nobody knows whether it runs beside its copy.",
            "Look whether the machine runs ('systemctl status secondsite-agent' in it), and whether it "
            "reaches its appliance's port for agents. Its recovery points stay usable.",
        ),
        _kind(
            "machine-doubled",
            C,
            "Another machine came with this one's identity, as a clone of it does, or its old server after a "
            "failover; it was refused, and works.",
            "If it is the machine's old server, switch it off. In a clone run 'secondsite-agent remove', "
            "then enroll it with a key of its own.",
        ),
        _kind(
            "agent-not-registered",
            C,
            "The machine was failed over and runs, but the agent in it does not call the appliance of its "
            "new site: its service does not run, it has no way there, or it was refused.",
            "In the machine: 'systemctl status secondsite-agent' says why, and 'systemctl restart "
            "secondsite-agent' tries at once; it tries again by itself each minute. The machine runs, and is "
            "replicated by its hypervisor, without it.",
        ),
        _kind(
            "writes-missed",
            C,
            "Blocks differ from the replica although nothing marked them: something wrote past the agent (a "
            "RAID controller's own tools, another computer at the same storage), the kernel hid a write, or "
            "a disk does not give what was written to it. Recovery points since then may hold old blocks, "
            "and do not count as proven any more.",
            "Nothing for the replica: all blocks are compared, and the next point is right again. Find out "
            "what wrote, and look at the disk's health.",
        ),
        _kind(
            "machine-fenced",
            W,
            "The machine was failed over, and somebody switched it on at its old site: its boot asked, and "
            "stays without its services.",
            "Switch it off, or start it from the rescue image and reprotect. If it is to work there: "
            "'secondsite machine cancel-failover MACHINE', or shut the copy down and type in it "
            "'secondsite-agent unfence'.",
        ),
        _kind(
            "machine-unprepared",
            W,
            "Something in the machine would be in the way after a failover.",
            "Do what the finding says, before the hour of need.",
            colours=False,
        ),
        _kind(
            "applications-late",
            W,
            "Applications of the machine rested too long: its agent ended before it let them go on.",
            "Look whether they work, and in the machine why the agent ended: 'journalctl --unit "
            "secondsite-agent'. The finding goes by itself after an hour.",
            colours=False,
        ),
        _kind(
            "agent-outdated",
            W,
            "The agent in the machine is of an earlier release than its appliance. It works on, up to two "
            "releases apart.",
            "Upgrade it when its disks may be compared anew, which follows: 'secondsite appliance agents "
            "upgrade MACHINE' at the appliance's host.",
            colours=False,
        ),
        _kind(
            "disk-not-protected",
            W,
            "A disk was added to the machine after its protection was enabled.",
            (
                "Protect it with 'secondsite machine include-disk MACHINE --disk DISK', or leave it out for "
                "good with 'exclude-disk'."
            ),
        ),
        _kind(
            "disk-missing",
            W,
            (
                "A protected disk was taken out of the machine. The others are replicated; older points "
                "still have it."
            ),
            (
                "Attach it again, or end its protection with 'secondsite machine exclude-disk MACHINE --disk "
                "DISK'."
            ),
        ),
        _kind(
            "firmware-not-carried",
            W,
            (
                "The machine's UEFI variables or the state of its TPM could not be read, or are too large to "
                "be sent."
            ),
            (
                "Read the reason. Recovery points keep the last state that arrived; replication of the disks "
                "goes on."
            ),
        ),
        _kind(
            UNKNOWN,
            W,
            "A cycle could not be taken from the hypervisor.",
            "Read the reason; replication tries again by itself.",
        ),
        _kind(
            "started-without-vault",
            C,
            "Somebody started the machine at its target without the vault, from the store alone; or what "
            "the appliance remembers is of a backup from before its failover. Its replica takes no cycles, "
            "and nothing keeps its source from running too.",
            "See that the source stays off. Take over what was started: the finding says by which command.",
        ),
        _kind(
            "replica-damaged",
            C,
            (
                "Data at the target does not match its digest: its store is damaged, or something wrote to "
                "its files."
            ),
            "Where 'old-copy-runs' or 'replica-in-use' is told as well, do first what that says; else check "
            "the store's disks. Replication compares all blocks with the source by itself, and points from "
            "then on are whole. Damaged points, and those above them that were not read since, are not "
            "picked; 'secondsite point verify MACHINE POINT' reads one. If a file cannot be opened at all, "
            "fail over from a point that is whole, or disable protection and enable it again.",
        ),
        _kind(
            "old-disk-away",
            C,
            "At the target an old disk of the machine, which its recovery points stand on, is not attached, "
            "its path leads to another device (as a path like /dev/sdb may after a reboot), or nothing of it "
            "can be read. Nothing is replicated and started meanwhile, and no point is marked or removed.",
            "Attach that disk at its path again, or mount its file system, at that site: all then goes on by "
            "itself. The finding names the device that is expected. If the disk is gone for good, disable "
            "the machine's protection and protect it anew.",
        ),
        _kind(
            "replica-in-use",
            C,
            "At the target another program has a file open that the replica needs, such as an old disk of "
            "the machine that somebody started it from there: cycles are received and cannot be processed.",
            "End that program: 'lsof FILE' as root at the host of the target's appliance tells which has "
            "the file that the finding names; a machine of that site is named by 'old-copy-runs', which "
            "says what to do about it. Then all goes on by itself; what was written meanwhile is noticed "
            "and compared away.",
        ),
        _kind(
            "replica-of-another-machine",
            C,
            "In the target's store the folder that is named after this machine holds another machine's "
            "replica: somebody put a folder back under the wrong name. Nothing is started from it, and it "
            "takes no cycles.",
            "Stop the target's appliance, put this machine's own folder back there, and start the "
            "appliance: replication goes on. If there is none, disable the machine's protection and protect "
            "it anew.",
        ),
        _kind(
            "replica-of-earlier-epoch",
            C,
            "In the target's store the machine's replica is of an earlier epoch than its protection: "
            "somebody put its folder, or the whole store, back to before a reprotect. Nothing is started "
            "from it, and it takes no cycles.",
            "Stop the target's appliance, put the newest state of this machine's folder back there, and "
            "start the appliance: replication goes on. If there is none, 'secondsite machine "
            "disable-protection MACHINE' leaves these files there, and the machine can be protected anew; "
            "until then 'secondsite-rescue' starts from their points, should the source be lost.",
        ),
        _kind(
            "replica-owner-unreadable",
            C,
            "In a store that hosts share, the file that says which appliance has the machine's replica "
            "cannot be read. Nobody uses the replica meanwhile: it takes no cycles, and no machine starts on "
            "it, nor with its host; one that runs there runs on.",
            "The finding names the file, and the command that writes it anew: first see that the machine "
            "runs at no other host that reaches the store. Do not remove the file: that would make the "
            "replica the appliance's whose store it is in.",
        ),
        _kind(
            "journal-damaged",
            W,
            "A cycle that the target keeps for '--at' can no longer be read: its store is damaged, or "
            "something wrote to its files.",
            "Check the store's disks. Recovery points and replication are not touched; 'secondsite point "
            "list MACHINE' shows which instants can still be recovered. The finding ends once the journal "
            "no longer holds the cycle.",
        ),
        _kind(
            "not-believed",
            W,
            "An appliance reported numbers higher than can have been counted, or impossible values. They "
            "were not taken over, and nothing is decided by them.",
            "Bring vault and appliance to the same release. If they are, somebody may speak in the name of "
            "the appliance: look at its host, and replace it ('secondsite appliance create-registration-key "
            "--replace APPLIANCE'). The finding ends when the appliance connects again "
            "and its reports are possible.",
            by_vault=True,
        ),
        _kind(
            "encryption-key-missing",
            C,
            "The replica is encrypted and the target's appliance was started without its key, or with a key "
            "file that it cannot use.",
            "Put the key file back (mode 0600) and restart the appliance. Nothing is lost: the source goes "
            "on tracking changes and sends them later.",
        ),
        _kind(
            "encryption-key-wrong",
            C,
            "The replica is encrypted with another key than the one that the target's appliance has.",
            "If all encrypted replicas of that appliance say so, put back the key file that they were made "
            "with, and restart it. If others open with the present key, this one was put back from before a "
            "change of the key: do not put the old key back for good, they would stop. Stop the appliance, "
            "keep a copy of its key file, put the old key (encryption.key.ID beside it) in its place, run "
            "'secondsite appliance change-key --from COPY', and start it. Nothing is lost meanwhile.",
        ),
        _kind(
            "encryption-key-change-unfinished",
            W,
            "A change of the key was interrupted: both keys may open the replica.",
            "Stop the target's appliance, repeat 'secondsite appliance change-key', and start it again.",
        ),
        _kind(
            "appliance-unreachable",
            C,
            "The appliance has no connection to the vault.",
            "Start the appliance, or check its connection to the vault: while only that is cut, replication "
            "goes on. If the site where the machine ran is lost, 'secondsite machine failover MACHINE' "
            "starts it at the other one.",
            by_vault=True,
        ),
        _kind(
            "forgotten",
            C,
            "An appliance that is connected does not report on the machine: its database was lost, or was "
            "restored from a backup of before the machine was protected. Its files are still there, but "
            "nothing is replicated.",
            "If the machine is protected, 'secondsite machine resynchronize MACHINE' tells both sides their "
            "roles again. In any other state the verbs that are offered do that by themselves.",
            by_vault=True,
        ),
        _kind(
            "certificate-not-renewed",
            W,
            "The appliance asks for its next certificate over its connection to the vault, when a third of "
            "the time is left. "
            "That was refused, or it had no connection.",
            "Connect the appliance, and see its log for 'certificate.not-renewed'. Once the certificate has "
            "ended, nothing is replicated: enroll it again ('secondsite appliance enroll-again --help').",
            by_vault=True,
        ),
        _kind(
            "ca-ends",
            W,
            (
                "A certificate authority is valid for twenty years. After its end no appliance is let in "
                "anywhere, and nothing is replicated."
            ),
            "Rotate it at the vault's host: 'secondsite vault ca rotate'; the guide says how.",
            by_vault=True,
        ),
        _kind(
            "source-running-after-failover",
            C,
            "The machine runs at its old site although it was failed over.",
            (
                "Shut the old copy down at its site ('virsh shutdown MACHINE'; a server in itself), or the "
                "machine there that has its disks ('virsh list'). Then 'secondsite machine commit MACHINE', "
                "if that is not done, and 'secondsite machine reprotect MACHINE'."
            ),
        ),
        _kind(
            "runs-at-two-hosts",
            C,
            "The machine runs at two hosts of one site: somebody started the definition that a live "
            "migration left at one of them, or a host that was given up during a failover has come back and "
            "runs it. Where their disks carry no locks both write to them.",
            "Find out which one is in use, and shut the other down at its host ('virsh shutdown MACHINE'). "
            "Then look for damage: if both wrote, fail over to a point of before (after a failover: change "
            "the recovery point), or check the file systems, and type 'secondsite machine resynchronize "
            "MACHINE'. At its own site the one that is left is followed.",
            by_vault=True,
        ),
        _kind(
            "old-copy-runs",
            C,
            "The machine is protected back to a site that it was failed over from, and another one is on "
            "there that has its id, writes on its old disks, or reads them with its MAC address: two copies "
            "run. Where the replica stands on those disks, what is written there damages it.",
            "The finding says what to do about this machine: turn it off, or detach one disk; never remove "
            "the disks ('--remove-all-storage'). The machine itself runs on at the other site. What was "
            "written is noticed and compared away; the points that it damaged are named, and stay damaged.",
        ),
        _kind(
            "old-copy-defined",
            W,
            "The machine is protected back to a site that it was failed over from, and somebody defined it "
            "there again, or another machine with one of its old disks: a start would make two copies. "
            "Under its id or name a failback is refused, too.",
            "The finding says what to do about this machine: remove its definition, or detach one disk from "
            "it; never remove the disks ('--remove-all-storage'), on which the replica may stand.",
        ),
        _kind(
            "failed-over-machine-off",
            C,
            "The machine was failed over, and it does not run at the site that it was failed over to: it "
            "went off by itself, somebody turned it off, or its host was restarted.",
            "Start it there as any machine of its site ('virsh start MACHINE', with the URI of its "
            "appliance's hypervisor; a server by its switch), and find out why it went off.",
        ),
        _kind(
            "failed-over-machine-missing",
            C,
            "The machine was failed over, and the hypervisor of the site that it was failed over to does "
            "not know it: somebody removed its definition, or moved it to another host; its disks are "
            "files, and stay. Or its replica there knows of no failover: its store was put back, or a start "
            "from another point failed; then the finding says so, and which verb brings the machine up.",
            "If it runs on another host of that site, migrate it back. Else have it defined again from its "
            "files at the host of that site's appliance, as root: 'systemctl stop secondsite-appliance', in "
            "its store './secondsite-rescue start MACHINE', 'systemctl start secondsite-appliance'.",
        ),
        _kind(
            ELSEWHERE,
            C,
            "The machine was failed over. At the host of the appliance that has its replica it is off, while "
            "another program, or another host that reaches that store, has its disks open: it may run there, "
            "where nobody looks after it.",
            "Do not start it yet. Look for it at the other hosts that reach the store ('virsh list'), and at "
            "this one ('fuser FILE', as root, for its disks). If it was migrated, migrate it back ('virsh "
            "migrate'). Else shut it down where it runs ('virsh shutdown MACHINE'), and start it at the host "
            "of its appliance ('virsh start MACHINE').",
        ),
        _kind(
            "failed-over-machine-moved",
            W,
            "The machine was failed over, and runs at another host of the site that it was failed over to: "
            "it was migrated there, or it ran there already when another host took its replica over. It is "
            "followed only once it is reprotected; until then nobody looks after it there.",
            "If it was migrated, migrate it back ('virsh migrate') to the host of the appliance that has its "
            "disks, before any other verb: until then each is refused. If another host took its replica "
            "over, shut it down where it runs ('virsh shutdown MACHINE'). After a reprotect it may be "
            "migrated.",
            by_vault=True,
        ),
        _kind(
            REDEFINED,
            C,
            "The machine came home, the commit has not merged its disks yet, and it runs on its old disks or "
            "would at its next start: somebody defined it anew, from a file of before. On these it goes back "
            "in time, and what it writes there damages what it wrote since it came home.",
            "Do not start it as it is ('virsh start'). Put the files that the finding names into its "
            "definition again, in place of the old ones ('virsh edit MACHINE', with the URI of its "
            "appliance's hypervisor); if it runs on the old ones, shut it down first ('virsh shutdown "
            "MACHINE'; copy its disks if you need what it wrote there). Start it then, check its file "
            "systems, and commit: 'secondsite machine commit MACHINE'. Do not redefine it until that has "
            "ended.",
        ),
        _kind(
            WRITTEN,
            C,
            "Somebody wrote to the old disks of a machine that came home, while it stands on them with what "
            "it wrote since: a start from an old definition, or another program. No commit merges them.",
            "Check its file systems and its data. If these are whole, 'secondsite machine commit MACHINE' "
            "fails and says how to accept what was written. If not, 'secondsite machine disable-protection "
            "MACHINE' leaves all files as they are, to repair them, or to put the old disks back.",
        ),
        _kind(
            "went-off-late",
            C,
            "A planned failover, or a failback, asked the guest to shut down and was given up because that "
            "took too long. The guest went off all the same, after the machine had been found running.",
            "Check what runs in it: it was started again, unless the finding says why not; in that case "
            "start it as any machine of its site. Before the move is tried again, shut the guest down from "
            "inside.",
        ),
        _kind(
            "failover-failed",
            C,
            (
                "The failover did not come to its end: the machine may have been shut down at its source, "
                "and was not started at its target."
            ),
            "Read why with 'secondsite job list --machine MACHINE' and repair it, then start 'secondsite "
            "machine failover MACHINE' again; or 'secondsite machine cancel-failover MACHINE'.",
            by_vault=True,
        ),
        _kind(
            "cancel-failed",
            C,
            "The planned failover failed and its automatic cancel failed too.",
            "Start 'secondsite machine cancel-failover MACHINE' once the cause is gone.",
            by_vault=True,
        ),
        _kind(
            CLOCK_SKEW,
            W,
            "The clock of a site or of the vault was set, or its time service does not work.",
            "Check the time service (chrony, systemd-timesyncd) of both sites' hosts and of the vault's. No "
            "point is lost, and their order does not depend on clocks, but the RPO shown is off by the "
            "difference.",
            by_vault=True,
        ),
        _kind(
            "checked-with-warnings",
            W,
            "The last prerequisites check of protection, reprotect or a planned failover found something "
            "that does not block, but may matter at a failover.",
            "Do what the finding says; the next check looks again.",
            by_vault=True,
        ),
        _kind(
            "not-protected",
            W,
            "After a failover nothing is replicated until the machine is protected the other way.",
            (
                "'secondsite machine commit MACHINE' if that is not done, then 'secondsite machine reprotect "
                "MACHINE'."
            ),
            by_vault=True,
        ),
        _kind(
            COMMITS_ITSELF,
            W,
            "The machine's recovery plan was failed over, and is set to commit by itself once the checks of "
            "all its machines have held for the time that it says. A commit deletes all other recovery "
            "points: after it no other point can be chosen.",
            "Nothing, if that is wanted. 'secondsite plan keep-open PLAN' leaves this failover uncommitted.",
            colours=False,
            by_vault=True,
        ),
        _kind(
            LEFT,
            W,
            "The machine was protected to a further site. What it left at a former one stays there, off: "
            "with it a later way back sends only what differs. Nothing keeps it up to date.",
            "Nothing, unless its space is needed. To take it up, once the machine was failed over and "
            "committed: 'secondsite machine appliances MACHINE', then 'secondsite machine reprotect MACHINE "
            "--target-appliance APPLIANCE'. It is let go of when the machine's protection ends.",
            colours=False,
            by_vault=True,
        ),
        _kind(
            "reverse-replication-failed",
            W,
            "After a planned failover was committed the machine was to be protected back by itself, and "
            "that did not succeed: it is not protected.",
            (
                "Do what the finding says, then 'secondsite machine reprotect MACHINE'; '--location "
                "alternate' if its old disks are gone."
            ),
            by_vault=True,
        ),
        _kind(
            "settle-failed",
            W,
            "A setting says that disks of the machine move from the appliance's store to the site's own "
            "storage by themselves after a commit, and they did not: it runs on its former disks.",
            "Do what the finding says, then 'secondsite machine settle MACHINE --to PLACE'.",
            by_vault=True,
        ),
        _kind(
            "never-drilled",
            W,
            "A replica that nobody has started may not start when it is needed. A week after its protection "
            "a machine should have been tried once.",
            DRILL_IT,
            colours=False,
            by_vault=True,
        ),
        _kind(
            "drill-is-old",
            W,
            "What was true at the last test failover may not be true now: disks, networks and the machine "
            "itself change. The vault's setting 'drill_days' says after how many days a test is too old.",
            DRILL_IT,
            colours=False,
            by_vault=True,
        ),
        _kind(
            "drill-waits",
            W,
            "The test machine runs until somebody says what the test failover showed; it takes memory and "
            "disk space at the target, and the machine cannot be drilled again. After 14 days the vault "
            "cleans up.",
            (
                "'secondsite machine cleanup-test-failover MACHINE --verdict passed --notes WHAT', or "
                "'--verdict failed'."
            ),
            colours=False,
            by_vault=True,
        ),
        _kind(
            "drill-machine-off",
            W,
            "A drill's machine never starts with its host: the host was restarted, its guest shut down, or "
            "somebody turned it off. What runs in the drill's network beside it, if anything does, is not "
            "what was drilled.",
            (
                "'secondsite machine cleanup-test-failover MACHINE --notes WHAT', then 'secondsite machine "
                "test-failover MACHINE' for another one."
            ),
            colours=False,
        ),
        _kind(
            "drill-failed",
            W,
            (
                "In its last test failover with a verdict the machine was not usable at the other site: it "
                "would not be after a failover either."
            ),
            "'secondsite machine show MACHINE' tells which, and what was noted. Repair it, then let a test "
            "failover pass: 'secondsite machine test-failover MACHINE --clean-up' ends with the verdict of "
            "its proof.",
            by_vault=True,
        ),
        _kind(
            "boot-failed",
            W,
            "A copy that was booted only to be looked at failed a check, or went off: the machine may not "
            "work after a failover either. Copies have no network, or one of their own, so a check may need "
            "what is not there.",
            "'secondsite machine show MACHINE' tells which job; look at that. Repair it, then 'secondsite "
            "point verify MACHINE POINT --boot' with a newer point, or let a test failover pass.",
            by_vault=True,
        ),
        _kind(
            "drifted",
            W,
            "Disks, cards, vCPUs, memory or firmware of the machine, what is set for its second site, or "
            "its place in a plan are otherwise than when a test failover last passed: that proved another "
            "machine. It is looked at twice a day, and by 'secondsite vault validate'.",
            DRILL_IT,
            colours=False,
            by_vault=True,
        ),
        _kind(
            "rto-missed",
            W,
            "From when its last test failover or failover was asked for until the machine ran it took "
            "longer than its policy's goal: because of machines that start before it in a plan, checks that "
            "wait, or a guest that boots slowly.",
            "'secondsite evidence list' names that run, and 'secondsite evidence show ID' how long each "
            "part took. Shorten that and let a test failover meet the goal, or set another goal: 'secondsite "
            "policy update POLICY --rto-goal 30m'.",
            by_vault=True,
        ),
        _kind(
            "record-is-behind",
            C,
            "The vault was restored from a backup of before a failover or of before the machine came home, "
            "or has adopted the machine in the middle of a failover: by what was last heard it runs at its "
            "target, or nowhere, whatever else is shown of it. A site that does not answer may have changed "
            "that since.",
            "Look at both sites which copy is in use. Where that is the one at the target, and no other "
            "runs, type what is said there: a machine that runs is taken over as it runs, nothing is "
            "started or stopped. Do not disable its protection: its recovery points would go.",
            by_vault=True,
        ),
        _kind(
            "never-backed-up",
            W,
            "Nobody has made a backup of this vault yet. If the vault is lost, so are its plans, policies "
            "and history, and the CA that its appliances trust; the machines can still be started from the "
            "second site's store.",
            (
                "At the vault's host: 'secondsite vault backup FILE'; or set 'backup_folder' in vault.json, "
                "and the vault makes them by itself."
            ),
            colours=False,
            by_vault=True,
        ),
        _kind(
            "backup-is-old",
            W,
            "No backup of this vault was made for longer than 'backup_warn_days' in its vault.json: the "
            "schedule fails, as its log says, or there is none.",
            (
                "At the vault's host: 'secondsite vault backup FILE'. Look for 'backup.failed' in the "
                "vault's log."
            ),
            by_vault=True,
        ),
        _kind(
            "configuration-flawed",
            W,
            "The check of the whole configuration, twice a day or on demand, found what would fail, or fail "
            "some machine, when it is needed. It is told as a notice, and is no machine's finding.",
            "'secondsite vault validate' checks again, and tells each thing with what to do about it.",
            colours=False,
            by_vault=True,
        ),
        _kind(
            "app-consistency-degraded",
            W,
            "The guest agent did not freeze in time, so the point is crash-consistent.",
            "Check the guest agent in the machine; where it has secondsite's own agent, its hooks.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """A finding. `code` is in CATALOGUE; `what` is the fact, with its figures; `since` is UTC; `said_by`: the
    appliance that reported it in these words, None for the vault."""

    code: str
    what: str
    since: datetime
    said_by: str | None = None
    instead: str = ""
    """The recommended action in the machine's state, if it differs from that of its kind."""

    @property
    def do(self) -> str:
        return self.instead or self.kind.do

    @property
    def told(self) -> str:
        """The fact, with the appliance that reported it."""
        return self.what if self.said_by is None else f"{self.said_by} says: {self.what}"

    @property
    def kind(self) -> FindingKind:
        return CATALOGUE[self.code]


def overall(findings: Iterable[HealthFinding]) -> Health:
    """The worst severity of the findings that change health."""
    severities = {finding.kind.severity for finding in findings if finding.kind.colours}
    if C in severities:
        return Health.CRITICAL
    return Health.WARNING if W in severities else Health.HEALTHY
