"""`python -m demo [--plan | --worst-day | --physical] [--as-installed] [--keep] [--report FILE]
[--remove FOLDER]`."""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

import guestkit
from demo import physical, plan, story, worst_day
from demo.telling import Report, console
from rig import Rig
from rig.agent_sites import AgentSites
from rig.installed import Installed, why_not
from rig.machines import ON_NETWORK, STORAGE
from rig.processes import DidNotStart


def main() -> int:
    chosen = _arguments()
    if chosen.remove:
        (Installed if Installed.is_at(chosen.remove) else Rig).remove(chosen.remove)
        console.print(f"nothing of {chosen.remove} is left")
        return 0
    if chosen.physical and not (physical.AGENT.exists() and physical.KERNEL.exists()):
        console.print("the agent of a machine is not built, or its rescue image; next: ./dev rescue")
        return 1
    reason = why_not() if chosen.as_installed else None
    if reason is not None:
        console.print(f"hosts as installed cannot be made here: {reason}; './dev demo' needs none of it")
        return 1
    report = Report(chosen.report or story.default_report())
    # guest agents' sockets lie deep in the folder, and their paths may not be long
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/var/tmp"))
    try:
        with console.status("preparing the sites ... (hosts as installed take minutes once, then seconds)"):
            rig = _rig(chosen, folder)
    except DidNotStart as problem:
        folder.rmdir()
        console.print(f"the sites could not be made: {problem}", markup=False, soft_wrap=True)
        return 1
    console.print(f"secondsite demo in {rig.folder}, {rig.about}", soft_wrap=True)
    with console.status("building the guest ..."):
        guestkit.build()
        if chosen.plan:
            guestkit.build(kind=guestkit.Kind.AGENT)
    try:
        _told(chosen, rig, report)
    except Exception:
        traceback.print_exc()
        _keep_evidence(rig)
        return 1
    finally:
        if not chosen.keep:
            rig.close()
        console.print(f"report: {report.path}", soft_wrap=True)
    if chosen.keep:
        _invite(rig, chosen)
    return 0


def _rig(chosen: argparse.Namespace, folder: Path) -> Rig | Installed:
    if chosen.physical:
        return AgentSites("libvirt", folder, registers_seconds=physical.REGISTERS_SECONDS)
    return Installed(folder, stays=chosen.keep) if chosen.as_installed else Rig("libvirt", folder)


def _told(chosen: argparse.Namespace, rig: Rig | Installed, report: Report) -> None:
    if isinstance(rig, AgentSites):
        physical.tell(rig, report)
    elif chosen.worst_day:
        worst_day.WorstDay(rig, report).tell()
    elif chosen.plan:
        plan.PlanStory(rig, report).tell()
    else:
        story.Story(rig, report, chosen.storage).tell()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    stories = parser.add_mutually_exclusive_group()
    stories.add_argument(
        "--plan", action="store_true", help="three tiers in a recovery plan, in place of one machine"
    )
    stories.add_argument(
        "--worst-day",
        action="store_true",
        help="the first site and the vault are destroyed, and all comes home",
    )
    stories.add_argument(
        "--physical",
        action="store_true",
        help="a server that no hypervisor knows, with a database: home to its disks, and to a new machine",
    )
    parser.add_argument(
        "--as-installed",
        action="store_true",
        help="on hosts as deploy/install leaves them: a systemd, libvirtd and network each",
    )
    stories.add_argument(
        "--storage", choices=STORAGE, default=STORAGE[0], help="what the disks of the one machine are"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running, with commands to try next"
    )
    parser.add_argument("--remove", type=Path, metavar="FOLDER", help="take away what --keep left running")
    parser.add_argument("--report", type=Path, help="where the machine-readable report goes")
    chosen = parser.parse_args()
    if chosen.as_installed and chosen.storage in ON_NETWORK:
        parser.error(f"--as-installed is not told with --storage {chosen.storage}")
    return chosen


def _keep_evidence(rig: Rig | Installed) -> None:
    """The ends of the logs, before the folder goes."""
    for name, log in rig.logs().items():
        console.print(f"--- the end of {name}")
        console.print("\n".join(log.splitlines()[-25:]), markup=False, soft_wrap=True)


def _invite(rig: Rig | Installed, chosen: argparse.Namespace) -> None:
    machine = plan.TIERS[0] if chosen.plan or chosen.worst_day else story.MACHINE
    more = (f"{rig.secondsite} plan preview {plan.PLAN} --verb reprotect",) if chosen.plan else ()
    console.print("\nEverything runs on. Try next:")
    for line in (
        *rig.before_commands,
        f"{rig.secondsite} machine show {machine}",
        f"{rig.secondsite} point list {machine}",
        f"{rig.secondsite} machine test-failover {machine}",
        *more,
        f"{rig.secondsite} job list",
        f"./dev demo --remove {rig.folder}",
    ):
        console.print(f"  {line}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
