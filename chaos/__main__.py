"""`./dev chaos [--kills N] [--seed N] [--minutes M]`, or `--sweep [--plans] [--victim NAME] [--encrypted]
[--resume REPORT] [--slice N]`, `--power-cuts N [--seed N]`, `--border N [--seed N]`, `--walks N [--plans]
[--seed N] [--minutes M] [--walkers K]`, `--walks N --as-installed [--seed N] [--minutes M]`, or
`--migrations N [--seed N] [--minutes M]`; exit code 1 if a promise broke."""

import argparse
import collections
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import guestkit
from chaos import migrations, storm, sweep
from chaos.border import throw
from chaos.owners import walking as owners
from chaos.plans import ladder
from chaos.plans import walking as plans
from chaos.power_cuts import cutting
from chaos.walk import WAY
from chaos.walks import walkers, walking
from secondsite.ground.units import MiB

console = Console(highlight=False)


def main() -> int:
    chosen = _arguments()
    report, broken = _chosen(chosen)(chosen)
    chosen.json.write_text(json.dumps(report, indent=2, default=str) + "\n")
    console.print(f"report: {chosen.json}", soft_wrap=True)
    console.print(
        f"a promise broke: {broken}" if broken else "no promise broke", markup=False, soft_wrap=True
    )
    return 1 if broken else 0


def _chosen(chosen: argparse.Namespace) -> Callable[[argparse.Namespace], tuple[dict[str, Any], str | None]]:
    if chosen.power_cuts:
        return _power_cuts
    if chosen.border:
        return _border
    if chosen.migrations:
        return _migrations
    if chosen.walks:
        return _as_installed if chosen.as_installed else _walks
    return _sweep if chosen.sweep else _storm


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="processes to kill under real guests (30)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="who is killed when")
    parser.add_argument(
        "--minutes", type=float, help="the longest that it may take (20; a whole sweep: no limit)"
    )
    parser.add_argument(
        "--sweep", action="store_true", help="kill at every seam of every verb, on simulated sites"
    )
    parser.add_argument(
        "--power-cuts",
        type=int,
        metavar="N",
        help="walk every verb on recorded disks, then cut their power N times",
    )
    parser.add_argument(
        "--border",
        type=int,
        metavar="N",
        help="throw N hostile frames, cycles and control messages at what reads them",
    )
    parser.add_argument(
        "--walks",
        type=int,
        metavar="N",
        help="walk at random on simulated sites, N steps, or as far as --minutes",
    )
    parser.add_argument(
        "--migrations",
        type=int,
        metavar="N",
        help="migrate machines live N times between two installed hosts, beside everything else",
    )
    parser.add_argument("--plans", action="store_true", help="with --walks or --sweep: over a recovery plan")
    parser.add_argument(
        "--as-installed",
        action="store_true",
        help=(
            "with --walks: a real machine and its owner, on hosts as installed that lose their power at "
            "every tenth step"
        ),
    )
    parser.add_argument(
        "--walkers",
        type=int,
        default=walkers.usual(),
        metavar="K",
        help=f"with --walks: so many side by side ({walkers.PER_CORE} for each core)",
    )
    parser.add_argument(
        "--victim",
        action="append",
        choices=sweep.VICTIMS,
        help="with --sweep: who is killed (repeatable; all)",
    )
    parser.add_argument(
        "--resume", type=Path, help="with --sweep: the report of an interrupted one, to go on from"
    )
    parser.add_argument("--slice", type=int, help="with --sweep: only a part of it, another for each number")
    parser.add_argument(
        "--named-seams", action="store_true", help="with --sweep --plans: only at the seams that plans have"
    )
    parser.add_argument("--encrypted", action="store_true", help="with --sweep: the replica is encrypted")
    named = Path("/var/tmp") / f"secondsite-chaos-{time.strftime('%Y%m%d-%H%M%S')}.json"
    parser.add_argument("--json", type=Path, default=named, help="where the report goes")
    return parser.parse_args()


def _say(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


def _storm(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    with console.status("building the guest ..."):
        guestkit.build()
    _say(f"seed {chosen.seed}, at least {chosen.kills} kills")
    seen = storm.run(
        kills=chosen.kills, seed=chosen.seed, within_seconds=60 * (chosen.minutes or 20), say=_say
    )
    _show_kills(seen)
    return seen.as_json(), seen.broken or _too_few(len(seen.kills), chosen.kills)


def _power_cuts(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    _say(f"seed {chosen.seed}")
    seen = cutting.run(chosen.power_cuts, chosen.seed, _say)
    table = Table("disk", "requests", "flushes", "acknowledged", "cuts", "asked for")
    for disk in seen.requests:
        cuts = [cut for cut in seen.cuts if cut.disk == disk]
        asked = sum(cut.facts for cut in cuts)
        told = (seen.requests[disk], seen.flushes[disk], seen.facts[disk], len(cuts), asked)
        table.add_row(disk, *map(str, told))
    console.print(table)
    return seen.as_json(), seen.broken


def _walks(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    _say(f"seed {chosen.seed}")
    minutes = chosen.minutes or float("inf")
    seen = walking.run(
        chosen.walks,
        chosen.seed,
        side_by_side=chosen.walkers,
        within_seconds=60 * minutes,
        say=_say,
        take=plans.episode if chosen.plans else None,
    )
    table = Table("step", "times", "seconds", "what became of it")
    for kind, count in seen.steps.most_common():
        became = {told: times for told, times in seen.outcomes.items() if told.startswith(f"{kind}: ")}
        told = ", ".join(f"{word.removeprefix(f'{kind}: ')} {times}" for word, times in became.items())
        table.add_row(kind, str(count), f"{seen.seconds[kind] / count:.1f}", told)
    console.print(table)
    _say(
        f"{seen.steps.total()} steps in {seen.episodes} episodes, {seen.points_read} points read, "
        f"{seen.boots} starts"
    )
    broken = [f"{each.episode}: {each.promise} (logs: {each.logs})" for each in seen.broken]
    return seen.as_json(), "\n".join(broken) or None


def _as_installed(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    _say(f"seed {chosen.seed}")
    seen = owners.run(chosen.walks, chosen.seed, 60 * (chosen.minutes or 60), _say)
    for told, times in sorted(seen.became.items()):
        _say(f"{times:5} {told}")
    _say(f"{seen.steps} steps; reboots: {dict(seen.reboots)}")
    return seen.as_json(), seen.broken


def _migrations(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    _say(f"seed {chosen.seed}")
    seen = migrations.run(chosen.migrations, chosen.seed, 60 * (chosen.minutes or 60), _say)
    _say(migrations.summary(seen))
    return seen.as_json(), seen.broken


def _border(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    _say(f"seed {chosen.seed}")
    seen = throw.run(chosen.border, chosen.seed, _say)
    table = Table("input", "refused", "taken")
    for name in seen.taken:
        table.add_row(name, str(seen.refused[name]), str(seen.taken[name]))
    console.print(table)
    _say(
        f"{seen.count} inputs in {seen.seconds:.0f} s, the slowest {seen.slowest_seconds:.2f} s, "
        f"{seen.grown_bytes // MiB} MiB more memory"
    )
    return seen.as_json(), seen.broken


def _too_few(found: int, wanted: int) -> str | None:
    return None if found >= wanted else f"only {found} of {wanted} kills in the time given: nothing is proven"


def _show_kills(seen: storm.Storm) -> None:
    table = Table("victim", "killed", "most seconds away", "in the middle of")
    for victim in sorted({kill.victim for kill in seen.kills}):
        verbs = collections.Counter(kill.verb for kill in seen.kills if kill.victim == victim)
        away = [outage.seconds for outage in seen.outages if outage.process == victim]
        told = ", ".join(f"{verb} {count}" for verb, count in verbs.most_common())
        table.add_row(victim, str(verbs.total()), f"{max(away):.1f}" if away else "until its next use", told)
    console.print(table)
    outcomes = collections.Counter(verse.outcome for verse in seen.verses)
    _say(f"{len(seen.kills)} kills; jobs: {', '.join(f'{n} {o}' for o, n in outcomes.items())}")


def _ladder(
    chosen: argparse.Namespace, earlier: list[dict[str, Any]], way: Sequence[sweep.Named]
) -> sweep.Ladder:
    named = ladder.SEAMS if chosen.named_seams else sweep.VICTIMS
    climbing = sweep.Ladder(chosen.victim or named, way)
    climbing.climbed(earlier)
    return climbing


def _climb(chosen: argparse.Namespace, earlier: list[dict[str, Any]]) -> sweep.Sweep:
    if chosen.plans:
        seconds = 60 * (chosen.minutes or float("inf"))
        return ladder.run(_ladder(chosen, earlier, ladder.WAY), within_seconds=seconds, say=_say)
    plan = _ladder(chosen, earlier, WAY) if chosen.slice is None else sweep.sliced(chosen.slice)
    minutes = chosen.minutes or (float("inf") if chosen.slice is None else 5)
    return sweep.run(plan, within_seconds=60 * minutes, say=_say, encrypted=chosen.encrypted)


def _sweep(chosen: argparse.Namespace) -> tuple[dict[str, Any], str | None]:
    earlier = json.loads(chosen.resume.read_text())["kills"] if chosen.resume else []
    seen = _climb(chosen, earlier)
    seen.kills[:0] = [sweep.Kill(**kill) for kill in earlier]
    victims = [name for name in sweep.VICTIMS if any(kill.victim.split()[0] == name for kill in seen.kills)]
    table = Table("verb", *victims)
    for name in dict.fromkeys(kill.station for kill in seen.kills):
        counts = collections.Counter(k.victim.split()[0] for k in seen.kills if k.station == name and k.hit)
        table.add_row(name, *(str(counts[victim]) for victim in victims))
    console.print(table)
    seams = collections.Counter(kill.hit for kill in seen.kills if kill.hit)
    _say(", ".join(f"{seam} {times}" for seam, times in seams.most_common()))
    _say(f"{seen.deaths} deaths at {len(seams)} different seams in {len(seen.kills)} verbs")
    return {"kills": [sweep.as_json(kill) for kill in seen.kills], "broken": seen.broken}, seen.broken


if __name__ == "__main__":
    sys.exit(main())
