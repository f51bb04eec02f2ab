"""netplan: the card's definition is changed in the file that has it. Its other files, and what the file says
of other cards, stay as they are; comments of the file are lost in it, and come back on the way home."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence

import yaml
from yaml import MappingNode as Map

from .card_plan import EVERYWHERE, REMARK, V4, V6, CardPlan, GuestFile, NotUnderstood, family_of

Pairs = list[tuple[yaml.Node, yaml.Node]]
DEFAULTS = ("default", *EVERYWHERE.values(), "0/0")
DHCP, GATEWAY = {V4: "dhcp4", V6: "dhcp6"}, {V4: "gateway4", V6: "gateway6"}
LIKE_DHCP = ("dhcp4-overrides", "dhcp6-overrides", "dhcp-identifier")
STACKING = ("bonds", "bridges", "vlans", "vrfs", "tunnels")
DEEPEST = 20


def names(plan: CardPlan, text: str) -> bool:
    """Whether a file defines the card. Raises NotUnderstood."""
    return bool(_found(plan, _read(text)))


def file(plan: CardPlan, present: Mapping[str, str]) -> GuestFile:
    """The file that has the card's definition. `present`: the texts of all of netplan's files, by path.
    Raises NotUnderstood."""
    trees = {path: _read(text) for path, text in present.items()}
    found = [(path, *each) for path, tree in trees.items() for each in _found(plan, tree)]
    if len(found) != 1:
        where = ", ".join(path for path, *_ in found) or "no file of netplan"
        raise NotUnderstood(f"{where} {'define' if len(found) > 1 else 'defines'} the card")
    path, name, definition = found[0]
    for tree in trees.values():
        _require_unused(name, tree)
    definition.value[:] = list(_changed(plan, definition))
    return GuestFile(path, f"# {REMARK}\n{yaml.serialize(trees[path], Dumper=yaml.SafeDumper)}")


def _read(text: str) -> yaml.Node | None:
    try:
        _require_plain(text)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as problem:
        raise NotUnderstood("a file of netplan is not read as YAML") from problem


def _require_plain(text: str) -> None:
    """No aliases, which can stand for more than there is memory, and nothing deep, which takes for ever."""
    depth = 0
    for each in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(each, yaml.AliasEvent):
            raise NotUnderstood("a file of netplan has aliases")
        depth += isinstance(each, yaml.CollectionStartEvent) - isinstance(each, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise NotUnderstood("a file of netplan is nested too deeply")


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs: Pairs = node.value if isinstance(node, Map) else []
    return next((value for name, value in pairs if name.value == key), None)


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _found(plan: CardPlan, tree: yaml.Node | None) -> list[tuple[str, Map]]:
    cards = _get(_get(tree, "network"), "ethernets")
    pairs: Pairs = cards.value if isinstance(cards, Map) else []
    return [(_text(name), each) for name, each in pairs if isinstance(each, Map) and _is(plan, name, each)]


def _is(plan: CardPlan, name: yaml.Node, definition: Map) -> bool:
    """Whether the definition is of the card, and of no other one."""
    match = _get(definition, "match")
    if match is None:
        return _text(name) == plan.name
    mac = _text(_get(match, "macaddress")).lower()
    if mac:
        return mac == plan.mac.lower()
    pattern = _text(_get(match, "name"))
    if pattern and pattern != plan.name and fnmatch.fnmatchcase(plan.name, pattern):
        raise NotUnderstood(f"netplan's definition '{_text(name)}' is of all cards {pattern}")
    return pattern == plan.name


def _require_unused(name: str, tree: yaml.Node | None) -> None:
    network = _get(tree, "network")
    for kind in STACKING:
        if name in _scalars(_get(network, kind)):
            raise NotUnderstood(f"the card is a part of something larger ({kind})")


def _scalars(node: yaml.Node | None) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    elif isinstance(node, Map):
        for _, value in node.value:
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _scalars(each)


def _changed(plan: CardPlan, definition: Map) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if not all(isinstance(name, yaml.ScalarNode) for name, _ in definition.value):
        raise NotUnderstood(f"netplan's definition of {plan.name} has a key that is no word")
    former = {name.value: value for name, value in definition.value}
    ours = {DHCP[family] for family in plan.families} | {GATEWAY[family] for family in plan.families}
    rewritten = {"addresses", "routes", "nameservers"}
    for name, value in definition.value:
        if name.value not in ours | rewritten and not (name.value in LIKE_DHCP and plan.families == {V4, V6}):
            yield name, value
    for family in sorted(plan.families):
        yield _scalar(DHCP[family]), _scalar("false", "tag:yaml.org,2002:bool")
    present = _items(former.get("addresses"))
    kept = [each for each in present if not plan.is_set(_address(each))]
    yield _scalar("addresses"), _list([*map(_scalar, plan.addresses), *kept])
    routes = list(_routes(plan, former))
    if routes:
        yield _scalar("routes"), _list(routes)
    if plan.dns_servers or "nameservers" in former:
        yield _scalar("nameservers"), _servers(plan, former.get("nameservers"))


def _address(node: yaml.Node) -> str:
    """An address stands by itself, or has options below it."""
    first = node.value[0][0] if isinstance(node, Map) and node.value else node
    return _text(first)


def _routes(plan: CardPlan, former: Mapping[str, yaml.Node]) -> Iterator[yaml.Node]:
    routes = _items(former.get("routes"))
    defaults = [each for each in routes if _text(_get(each, "to")) in DEFAULTS]
    vias = [*map(_text, map(former.get, GATEWAY.values())), *(_text(_get(each, "via")) for each in defaults)]
    for family in sorted(plan.families):
        gateway = plan.gateway(family, [each for each in vias if family_of(each) == family])
        if gateway is not None:
            yield _route(EVERYWHERE[family], gateway)
    own = {each.to for each in plan.routes}
    for each in routes:
        via, is_default = _text(_get(each, "via")), each in defaults
        if _text(_get(each, "to")) in own or (is_default and family_of(via) in plan.families):
            continue
        if not via or plan.keeps(via):
            yield each
    yield from (_route(each.to, each.via) for each in plan.routes)


def _servers(plan: CardPlan, former: yaml.Node | None) -> yaml.Node:
    if not plan.dns_servers and former is not None:
        return former
    pairs: Pairs = former.value if isinstance(former, Map) else []
    kept = [(name, value) for name, value in pairs if name.value != "addresses"]
    servers = (_scalar("addresses"), _list([*map(_scalar, plan.dns_servers)]))
    return Map("tag:yaml.org,2002:map", [servers, *kept], flow_style=False)


def _items(node: yaml.Node | None) -> Sequence[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _route(to: str, via: str) -> yaml.Node:
    pairs = [(_scalar("to"), _scalar(to)), (_scalar("via"), _scalar(via))]
    return Map("tag:yaml.org,2002:map", pairs, flow_style=False)


def _list(items: list[yaml.Node]) -> yaml.Node:
    return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=False)


def _scalar(value: str, tag: str = "tag:yaml.org,2002:str") -> yaml.Node:
    return yaml.ScalarNode(tag, value)
