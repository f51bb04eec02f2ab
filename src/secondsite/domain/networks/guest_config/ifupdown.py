"""/etc/network/interfaces, as ifupdown reads it: the card's stanzas of a family that is set are replaced by
one of ours. All other lines stay as they are."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .card_plan import REMARK, V4, V6, CardPlan, GuestFile, NotUnderstood

BEGINS = re.compile(
    r"iface|mapping|auto|allow-\S+|source|source-directory|rename|template|no-auto-down|no-scripts"
)
FAMILIES = {V4: "inet", V6: "inet6"}
METHODS = ("static", "dhcp", "manual", "auto")
REPLACED = ("address", "netmask", "broadcast", "network", "gateway")
SERVERS = ("dns-nameservers", "dns-nameserver")
ASKING = ("hostname", "leasehours", "leasetime", "vendor", "client", "request", "autoconf", "scope")
KEPT = ("metric", "mtu", "hwaddress", "dns-search", "dns-domain", "accept_ra", "privext", "dad-attempts")
COMMANDS = ("up", "post-up", "pre-up", "down", "pre-down", "post-down")
ROUTE = re.compile(r"ip (?:-[46] )?route (?:add|replace|append|del|delete) (\S+) via (\S+)(?: dev \S+)?")
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Stanza:
    """Lines of a file, from `first` up to `end`; `words` are those of the first line, `options` of the
    others."""

    path: str
    first: int
    end: int
    words: tuple[str, ...]
    options: tuple[tuple[str, str], ...]

    def is_of(self, card: str, family: int | None = None) -> bool:
        named = self.words[:2] == ("iface", card)
        return named and (family is None or self.words[2:3] == (FAMILIES[family],))

    def values(self, *keys: str) -> list[str]:
        return [value for key, value in self.options if key in keys]


def files(plan: CardPlan, present: Mapping[str, str]) -> list[GuestFile]:
    """The files that change. `present`: the texts of all that ifupdown reads, by path. Raises
    NotUnderstood."""
    stanzas = [each for path, text in present.items() for each in _stanzas(path, text)]
    own = [each for each in stanzas if each.is_of(plan.name)]
    if not own:
        raise NotUnderstood(f"no file of /etc/network names {plan.name}")
    _require_plain(plan, stanzas, own, present)
    gone = [each for each in own for family in plan.families if each.is_of(plan.name, family)]
    for each in gone:
        _require_known(each)
    last = own[-1]
    lines: dict[str, list[str]] = {}
    for path in dict.fromkeys([*(each.path for each in gone), last.path]):
        here = [each for each in gone if each.path == path]
        lines[path] = _changed(plan, present[path], here, gone, last if last.path == path else None)
    texts = {path: "\n".join(each) for path, each in lines.items()}
    return [GuestFile(path, text) for path, text in texts.items() if text != present[path]]


def _stanzas(path: str, text: str) -> Iterator[Stanza]:
    lines = text.split("\n")
    begins = [at for at, line in enumerate(lines) if BEGINS.fullmatch((line.split() or [""])[0])]
    for first, end in pairwise([*begins, len(lines)]):
        said = [at for at in range(first, end) if _says(lines[at])]
        options = tuple(_option(lines[at]) for at in said[1:])
        yield Stanza(path, first, said[-1] + 1, tuple(lines[first].split()), options)


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _option(line: str) -> tuple[str, str]:
    key, _, value = line.strip().partition(" ")
    return key.partition("\t")[0], value.strip() or key.partition("\t")[2].strip()


def _require_plain(
    plan: CardPlan, stanzas: Iterable[Stanza], own: Iterable[Stanza], present: Mapping[str, str]
) -> None:
    for each in own:
        if "\\\n" in "\n".join(present[each.path].split("\n")[each.first : each.end]):
            raise NotUnderstood(f"lines of {plan.name} in {each.path} go on in the next one")
        if len(each.words) != 4:
            raise NotUnderstood(f"{each.path} says '{' '.join(each.words)}'")
    for each in stanzas:
        others = each.words[1:] if each.words[0] in ("mapping", "rename") else ()
        is_alias = each.words[0] == "iface" and each.words[1:2] and each.words[1].startswith(f"{plan.name}:")
        if is_alias or plan.name in others or any("/" in word or "=" in word for word in others):
            raise NotUnderstood(f"{each.path} says '{' '.join(each.words)}'")


def _require_known(stanza: Stanza) -> None:
    if stanza.words[3] not in METHODS:
        raise NotUnderstood(f"{stanza.path} says '{' '.join(stanza.words)}'")
    for key, value in stanza.options:
        known = key in (*REPLACED, *SERVERS, *ASKING, *KEPT)
        if not known and not (key in COMMANDS and ROUTE.fullmatch(value)):
            raise NotUnderstood(f"{stanza.path} has a line that is not understood: {key} {value}")


def _changed(
    plan: CardPlan, text: str, gone: Sequence[Stanza], all_gone: Sequence[Stanza], last: Stanza | None
) -> list[str]:
    """The lines of one file. A family that has no stanza yet comes after the card's `last` one."""
    lines = text.split("\n")
    new: dict[int, list[str]] = {}
    for family in sorted(plan.families):
        former = [each for each in all_gone if each.is_of(plan.name, family)]
        here = [each for each in gone if each in former]
        if former and here[:1] == former[:1]:
            new.setdefault(former[0].first, []).extend(_stanza(plan, family, former))
        elif not former and last is not None:
            new.setdefault(last.end, []).extend(["", *_stanza(plan, family, ())])
    dropped = {at for each in gone for at in range(each.first, each.end)}
    found: list[str] = []
    for at, line in enumerate([*lines, ""]):
        found += new.get(at, [])
        if at < len(lines) and at not in dropped:
            found.append(line)
    return found


def _stanza(plan: CardPlan, family: int, former: Sequence[Stanza]) -> Iterator[str]:
    address = plan.address(family)
    yield f"iface {plan.name} {FAMILIES[family]} static"
    yield f"{INDENT}# {REMARK}"
    yield f"{INDENT}address {address.ip}"
    yield f"{INDENT}netmask {address.netmask if family == V4 else address.network.prefixlen}"
    gateway = plan.gateway(family, [value for each in former for value in each.values("gateway")])
    if gateway is not None:
        yield f"{INDENT}gateway {gateway}"
    kept = dict.fromkeys(
        (key, value) for each in former for key, value in each.options if _stays(plan, key, value)
    )
    if family == min(plan.families) and plan.dns_servers:
        yield f"{INDENT}dns-nameservers {' '.join(plan.dns_servers)}"
    yield from (f"{INDENT}{key} {value}" for key, value in kept)
    for route in plan.routes_of(family):
        yield f"{INDENT}up ip route replace {route.to} via {route.via} dev {plan.name}"


def _stays(plan: CardPlan, key: str, value: str) -> bool:
    if key in SERVERS:
        return not plan.dns_servers
    found = ROUTE.fullmatch(value) if key in COMMANDS else None
    if found is not None:
        return found[1] not in {each.to for each in plan.routes} and plan.keeps(found[2])
    return key in KEPT
