"""The command line of `secondsite-rescue`."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import choosing, commands, copies, exporting, owners
from .problems import Problem
from .running.request import COMPARE_SECONDS
from .store import Store
from .terminal_text import one_line

GRACE_SECONDS = 120.0
CHOICES = f"{choosing.LATEST} (default), {choosing.APP}, {choosing.VERIFIED}, or a point's id"
Command = Callable[[Store, argparse.Namespace], int]
ABOUT = """Start machines from the store of a secondsite appliance, when the vault, the first site and the appliance are gone.

It needs this file, Python and QEMU. Stop the appliance before you start anything, if it runs. 'list', 'verify' and 'export' change nothing.
"""  # noqa: E501


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 for a problem, 2 for a wrong command line."""
    typed = parser().parse_args(words)
    try:
        store = Store(typed.store or [_beside()])
        for said in (*copies.told(store.roots), *store.beside, *owners.lying_beside(store.roots)):
            print(f"! {one_line(said)}", file=sys.stderr)
        code = int(typed.do(store, typed))
        sys.stdout.flush()
        return code
    except Problem as problem:
        print(f"{one_line(problem.what)}\n{one_line(problem.do)}".strip(), file=sys.stderr)
        return 1
    except OSError as error:
        with contextlib.suppress(OSError):  # where nothing can be told, the exit code still does
            print(_told(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended. What was begun goes on when it is typed again.", file=sys.stderr)
        return 1


def _told(error: OSError) -> str:
    do = "What was begun goes on when it is typed again."
    if error.errno == errno.EROFS:
        do = "Mount that file system writable, or copy the store to one that is."
    elif error.errno in (errno.EACCES, errno.EPERM) and error.filename is not None:
        do = "Run this as root, or as the one who has the store and may write there."
    elif error.filename is None:
        do = f"Send standard output elsewhere. {do}"
    return f"{one_line(str(error.filename or 'What is to be said'))}: {error.strerror}. {do}"


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog=Path(sys.argv[0]).name or "secondsite-rescue", description=ABOUT, formatter_class=form
    )
    told = "the appliance's store; by default the folder of this file. Repeat it for stores that were moved"
    parser.add_argument("--store", type=Path, action="append", help=told)
    parser.add_argument("--json", action="store_true", help="print JSON")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    _verb(verbs, "list", commands.list_machines, "the machines of the store, and whether they run")
    _verb(verbs, "points", commands.list_points, "the recovery points of a machine", "machine")
    _verb(verbs, "plans", commands.list_plans, "the recovery plans that its vault said last")
    verify = _verb(
        verbs,
        "verify",
        commands.verify,
        (
            "compare points with what was sealed; exit code 1 if one differs, 3 if something could not be "
            "compared"
        ),
        "machine",
        "*",
    )
    verify.add_argument(
        "--point", default=choosing.LATEST, help=f"{CHOICES}; older ones are looked at until one is whole"
    )
    verify.add_argument("--all-points", action="store_true", help="all points, instead of the newest")
    verify.add_argument("--key-file", type=Path, metavar="FILE", help="the key of an encrypted store")
    export = _verb(
        verbs, "export", commands.export, "write a point's disks as image files, as other programs read them",
        "machine",
    )  # fmt: skip
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where they are written")
    export.add_argument("--point", default=choosing.LATEST, help=CHOICES)
    export.add_argument(
        "--format", default=exporting.FORMATS[0], choices=exporting.FORMATS, help="default: qcow2"
    )
    export.add_argument("--key-file", type=Path, metavar="FILE", help="the key of an encrypted store")
    start = _ways(_verb(verbs, "start", commands.start, "start a machine from a point", "machine"))
    plan = _ways(
        _verb(verbs, "run-plan", commands.run_plan, "start the machines of a plan in its order", "plan")
    )
    for each in (start, plan):
        each.add_argument("--yes", action="store_true", help="take what people are to do as done")
    stop = _verb(verbs, "stop", commands.stop, "shut a machine down that was started here", "machine")
    stop.add_argument(
        "--grace",
        type=float,
        default=GRACE_SECONDS,
        metavar="SECONDS",
        help="then its power is cut (default: 120)",
    )
    discard = _verb(
        verbs, "discard", commands.discard, "give up what a machine wrote that was started here", "machine"
    )
    discard.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    do: Command,
    what: str,
    subject: str | None = None,
    times: str | None = None,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    if subject is not None:
        verb.add_argument(
            subject,
            metavar=subject.upper(),
            nargs=times,
            help=("its name or id" if subject == "machine" else "its name")
            + (" (default: all)" if times else ""),
        )
    verb.set_defaults(do=do)
    return verb


def _ways(verb: argparse.ArgumentParser) -> argparse.ArgumentParser:
    verb.add_argument("--point", default=choosing.LATEST, help=CHOICES)
    told = (
        "how many seconds a point's disks may be compared with what was sealed before a start (default: "
        f"{COMPARE_SECONDS:.0f}; 0: not at all)"
    )
    verb.add_argument("--compare", type=float, default=COMPARE_SECONDS, metavar="SECONDS", help=told)
    verb.add_argument("--qemu", action="store_true", help="by plain QEMU, although its appliance had libvirt")
    verb.add_argument(
        "--emulated", action="store_true", help="plain QEMU without KVM, where KVM is there and runs no guest"
    )
    verb.add_argument("--libvirt", metavar="URI", help="by this libvirt, such as qemu:///system")
    verb.add_argument("--key-file", type=Path, metavar="FILE", help="the key of an encrypted store")
    verb.add_argument(
        "--network",
        action="append",
        metavar="CARD=NETWORK",
        help="another network for a card; may be repeated",
    )
    verb.add_argument("--no-networks", action="store_true", help="connect no card")
    return verb


def _beside() -> Path:
    """The folder of this file, which is the default store: appliances keep the file in their store."""
    return Path(os.path.abspath(sys.argv[0])).parent
