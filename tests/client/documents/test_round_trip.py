"""Whatever documents say is what a vault has after them, and what it has is what documents say."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from secondsite.client import documents
from secondsite.client.documents import writing
from secondsite.client.documents.kinds import GroupDocument
from tests.client.documents.conftest import MAC, opened
from tests.client.documents.support_documents import apply, prepare, whats

pytestmark = pytest.mark.slow

MACHINES = ("web", "app", "db", "m3", "m4")
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True).filter(lambda name: name != "default")
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "),
    min_size=1,
    max_size=12,
).filter(str.strip)
POLICIES = st.fixed_dictionaries(
    {
        "retention_seconds": st.integers(0, 10**7),
        "cycle_seconds": st.floats(0.2, 3600),
        "journal_seconds": st.integers(0, 86400),
    }
)
ACTIONS = st.lists(
    st.fixed_dictionaries(
        {"name": WORDS, "instruction": WORDS,
        "kinds": st.lists(st.sampled_from(["test", "planned", "unplanned"]), min_size=1, unique=True)}
    ),
    max_size=2,
    unique_by=lambda action: action["name"],
)  # fmt: skip


PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "vcpus": st.integers(1, 512),
        "memory_bytes": st.integers(16, 1 << 20).map(lambda mib: mib << 20),
    },
)


HOOKS = st.lists(
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "script": NAMES,
            "moment": st.sampled_from(["after_start", "before_stop"]),
        },
        optional={
            "kinds": st.lists(st.sampled_from(["test", "planned", "unplanned"]), min_size=1, max_size=3),
            "directions": st.lists(st.sampled_from(["away", "home"]), min_size=1, max_size=2),
            "timeout_seconds": st.floats(0.1, 3600),
        },
    ),
    max_size=3,
    unique_by=lambda hook: hook["name"],
)


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "every_days": st.integers(0, 90),
        "at_once": st.integers(1, 16),
        "memory_bytes": st.integers(1, 1 << 40),
        "begins": st.sampled_from(["00:00", "22:30"]),
        "ends": st.sampled_from(["24:00", "06:00"]),
        "network": st.sampled_from(["none", "isolated"]),
    },
)


@st.composite
def configured(draw):
    """Documents of all kinds."""
    made = [
        {"kind": "policy", "name": f"p-{name}", **draw(POLICIES)}
        for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    ]
    networks = draw(st.lists(WORDS, min_size=1, max_size=3, unique=True))
    for network in networks:
        source, target = draw(st.permutations(["a", "b"]))
        made.append(
            {
                "kind": "mapping",
                "source_site": source,
                "source_network": network,
                "target_site": target,
                "target_network": draw(WORDS),
            }
        )
    first, second = draw(st.permutations(["a", "b"]))
    made.append(
        {"kind": "pair", "first": first, "second": second, "reverse_after_commit": draw(st.booleans())}
    )
    made.extend(
        {
            "kind": "pool",
            "name": f"pool-{number}",
            "site": draw(st.sampled_from(["a", "b"])),
            "network": network,
            "vlan": draw(st.none() | st.integers(1, 4094)),
            "subnet": "10.2.0.0/24",
            "ranges": draw(st.sampled_from([["10.2.0.9"], ["10.2.0.100 - 10.2.0.149", "10.2.0.200"]])),
            "gateway": draw(st.sampled_from([None, "10.2.0.1"])),
        }
        for number, network in enumerate(networks)
    )
    made.append({"kind": "verification", "site": "b", **draw(GIVEN)})
    card = {
        "mac": MAC,
        "network": draw(st.none() | WORDS),
        "keep_mac": draw(st.booleans()),
        "from_pool": draw(st.booleans()),
    }
    made.extend(
        {"kind": "cards", "machine": each, "cards": draw(st.sampled_from([[], [card]]))} for each in MACHINES
    )
    made.extend(
        {
            "kind": "properties",
            "machine": each,
            **draw(PROPERTIES),
            **draw(st.sampled_from([{}, {"target_name": f"{each}-dr"}])),
        }
        for each in MACHINES
    )
    made.extend({"kind": "hooks", "machine": each, "hooks": draw(HOOKS)} for each in MACHINES)
    made.extend(
        {"kind": "protection", "machine": each, "source_site": "a", "target_site": "b"} for each in MACHINES
    )
    of = {each: draw(st.integers(0, 2)) for each in MACHINES}
    for number, name in enumerate(draw(st.lists(NAMES, min_size=2, max_size=2, unique=True))):
        members = [each for each in MACHINES if of[each] == number]
        every = draw(st.integers(5, 86400))
        made.append(
            {
                "kind": "group",
                "name": name,
                "source_site": "a",
                "target_site": "b",
                "machines": members,
                "multi_vm_every_seconds": every,
            }
        )
    order = draw(st.permutations(MACHINES))
    parts = [
        {"machines": list(order[:2]), "before": draw(ACTIONS)},
        {"machines": list(order[2:4]), "after": draw(ACTIONS)},
    ]
    plan = draw(NAMES)
    made.append({"kind": "plan", "name": plan, "groups": parts})
    of = draw(st.sampled_from([{"plan": plan}, {"machines": list(order[:3])}]))
    timed = {
        "every_days": draw(st.integers(1, 365)),
        "at": draw(st.sampled_from(["00:00", "02:30", "23:59"])),
    }
    made.append({"kind": "drill", "name": draw(NAMES), **of, **timed, "paused": draw(st.booleans())})
    return made


def yaml_of(made):
    return "---\n".join(json.dumps(each) + "\n" for each in made)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two vaults with the same machines."""
    with (
        opened(tmp_path_factory.mktemp("one") / "v") as one,
        opened(tmp_path_factory.mktemp("two") / "v") as two,
    ):
        yield one[1], two[1]


@pytest.mark.timeout(300)
@settings(
    max_examples=12, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow]
)
@given(made=configured())
def test_what_was_exported_makes_another_vault_the_same_and_applied_again_changes_nothing(two, made):
    one, other = two
    text = yaml_of(made)
    apply(one, text, prune=True)
    exported = documents.export(one)
    assert whats(prepare(one, text, prune=True)[1].changes) == []
    assert whats(prepare(one, exported, prune=True)[1].changes) == []
    # what is as it was made is in no export, and nothing takes it back unasked: this vault had it of the
    # example before
    plain = [
        {"kind": kind, "machine": each} for kind in ("cards", "properties", "hooks") for each in MACHINES
    ]
    apply(other, yaml_of([*plain, {"kind": "verification", "site": "b"}]))
    apply(other, exported, prune=True)
    assert documents.export(other) == exported
    assert apply(other, exported, prune=True) == []
    wanted = {
        (each["kind"], each.get("name"))
        for each in made
        if each["kind"] in ("policy", "pool", "group", "plan", "drill")
    }
    there = {
        (each.document.kind, getattr(each.document, "name", None))
        for each in documents.load(Path("-"), exported)
    }
    assert {each for each in there if each[0] in ("policy", "pool", "group", "plan", "drill")} == wanted | {
        ("policy", "default")
    }


LOOKS_LIKE_A_NUMBER = st.from_regex(r"[-0-9.eEx:_]{1,8}", fullmatch=True)


@given(
    name=st.one_of(
        WORDS,
        LOOKS_LIKE_A_NUMBER,
        st.sampled_from(["1e3", "5e-3", "null", "~", "true", "a\x85b", "a\u2028b"]),
    )
)
def test_every_name_is_read_as_it_was_written(name):
    """`1e3` was written without quotes and read as a number."""
    group = GroupDocument(kind="group", name="g", source_site="a", target_site="b", machines=(name,))
    (read,) = documents.load(Path("-"), writing.written([group]))
    assert read.document == group
