"""One function for each command: it gets what was typed, prints, and returns the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, TextIO

from . import exporting, files, output, plans, starting, store_notes
from .comparing import verifying
from .problems import Problem
from .running.request import Ways
from .store import Replica, Store
from .terminal_text import one_line, plain


def list_machines(store: Store, typed: argparse.Namespace) -> int:
    found, problems = store.replicas()
    told = [output.machine(each) for each in found]
    _print(
        typed,
        {"machines": told, "problems": problems},
        output.machines(told, stores=len(store.roots) > 1) if told else "No machine is in this store.",
    )
    for problem in problems:
        print(f"! {one_line(problem)}", file=sys.stderr)
    return 1 if problems else 0


def list_points(store: Store, typed: argparse.Namespace) -> int:
    told = [output.point(each) for each in store.find(typed.machine).points]
    _print(
        typed, {"points": told}, output.points(told) if told else f"{typed.machine} has no recovery point."
    )
    return 0


def list_plans(store: Store, typed: argparse.Namespace) -> int:
    found = plans.known(store)
    said = store.configuration().get("at")
    _print(
        typed,
        {"plans": found, "as_of": said},
        output.plans(found) + (f"\nas of {one_line(str(said))}" if found else ""),
    )
    return 0


def verify(store: Store, typed: argparse.Namespace) -> int:
    """0: all that was to be compared is what was sealed; 1: something is not; 3: something could not be
    compared."""
    found, problems = store.replicas() if not typed.machine else ([*map(store.find, typed.machine)], [])
    told = [
        output.verdict(replica, point, comparison)
        for replica in found
        for point, comparison in verifying.each(
            replica, typed.point, typed.key_file, output.progress(), every=typed.all_points
        )
    ]
    _print(
        typed,
        {"points": told, "problems": problems},
        output.verdicts(told, stores=len(store.roots) > 1) if told else "No point is in this store.",
    )
    for problem in problems:
        print(f"! {one_line(problem)}", file=sys.stderr)
    if problems or any(each["problem"] for each in told):
        return 1
    return 3 if any(each["not_compared"] for each in told) else 0


def export(store: Store, typed: argparse.Namespace) -> int:
    replica = store.find(typed.machine)
    told = output.progress()
    made = exporting.exported(replica, typed.point, typed.to, typed.format, typed.key_file, told)
    _print(typed, {"files": [str(path) for path in made]}, "\n".join(map(str, made)))
    return 0


def start(store: Store, typed: argparse.Namespace) -> int:
    with files.alone(store.roots):
        replica = store.find(typed.machine)
        said = starting.started(replica, typed.point, _ways(replica, typed), lambda what: _done(what, typed))
    _print(typed, {"said": said}, one_line(said))
    for other in store.also_in(replica):
        print(f"! {one_line(other)}", file=sys.stderr)
    print(_warning(store), file=sys.stderr)
    return 0


def run_plan(store: Store, typed: argparse.Namespace) -> int:
    plan = plans.find(store, typed.plan)
    first = plans.asked_first(plan)
    if first is not None and not typed.yes:
        _require_terminal(first)

    def ask(what: str) -> bool:
        return _done(what, typed)

    def begin(machine_id: str) -> str:
        replica = store.of(machine_id)
        return starting.started(replica, typed.point, _ways(replica, typed), ask)

    said: list[str] = []

    def say(line: str) -> None:
        said.append(one_line(line.strip()))
        print(one_line(line), flush=True, file=_people(typed))

    with files.alone(store.roots):
        failed = plans.run(plan, begin, say, ask)
    if typed.json:
        print(json.dumps({"said": said, "failed": [one_line(each) for each in failed]}, indent=1))
    print(_warning(store), file=sys.stderr)
    if failed:
        raise Problem(
            f"Of the plan's machines {len(failed)} did not start.",
            "Correct what is said above, and run the plan again.",
        )
    return 0


def stop(store: Store, typed: argparse.Namespace) -> int:
    with files.alone(store.roots):
        said = starting.stopped(store.find(typed.machine), typed.grace)
    _print(typed, {"said": said}, one_line(said))
    return 0


def discard(store: Store, typed: argparse.Namespace) -> int:
    replica = store.find(typed.machine)
    if replica.run is not None and not _done(
        f"All that {replica.name} wrote since it was started here is lost. Give it up", typed
    ):
        raise Problem("Nothing was given up.")
    with files.alone(store.roots):
        said = starting.discarded(store.find(typed.machine))
    _print(typed, {"said": said}, one_line(said))
    return 0


def _ways(replica: Replica, typed: argparse.Namespace) -> Ways:
    networks = dict(_pair(each) for each in typed.network or ())
    uri = None if typed.qemu else typed.libvirt or replica.start.get("uri") or None
    return Ways(
        uri=uri,
        key_file=typed.key_file,
        connect=not typed.no_networks,
        networks=networks,
        emulated=typed.emulated,
        compare_seconds=typed.compare,
    )


def _pair(said: str) -> tuple[str, str]:
    card, _, network = said.partition("=")
    if not card or not network:
        raise Problem(f"--network is '{said}'.", "Give CARD=NETWORK, as in nic0=br0.")
    return card, network


def _done(what: str, typed: argparse.Namespace) -> bool:
    """Ask the person at the terminal whether it is done; with --yes nobody is asked."""
    what = one_line(what)
    if typed.yes:
        print(f"{what} (taken as done)", file=_people(typed))
        return True
    _require_terminal(what)
    print(f"{what}. Done? [yes/no] ", end="", flush=True, file=_people(typed))
    return input().strip().lower() in ("y", "yes")


def _people(typed: argparse.Namespace) -> TextIO:
    """Where people are told something, and asked: standard output, unless that is JSON."""
    return sys.stderr if typed.json else sys.stdout


def _require_terminal(what: str) -> None:
    """Raises Problem where nobody could answer: a plan is not begun there, or it would end half way."""
    if not sys.stdin.isatty():
        raise Problem(
            f"{one_line(what.strip())}: somebody has to say that this is done.",
            "Run this in a terminal, or give --yes.",
        )


def _warning(store: Store) -> str:
    site = store.configuration().get("site")
    here = f" of {one_line(str(site))}" if site else ""
    return (
        "The first site cannot be told. Keep its machines off if it comes back: nothing fences them until a "
        "vault knows of this.\n"
        f"The appliance{here} takes no more cycles for what was started. What was done is written down in "
        f"{store.roots[0] / store_notes.FILE}."
    )


def _print(typed: argparse.Namespace, body: dict[str, Any], text: str) -> None:
    print(json.dumps(body, indent=1) if typed.json else plain(text))
