"""Values of definitions, and our marks among tags: whatever is written there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors
from secondsite.fabrics.pve import definition, marks, shapes, words
from secondsite.fabrics.pve.errors import PveRefused

OURS = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
ROW = shapes.Row(type="qemu", vmid=100, node="pve1")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("32G", 32 * 2**30),
        ("528K", 528 * 1024),
        ("1.5T", 3 * 2**39),
        ("7", 7),
        ("", None),
        ("4X", None),
        ("999999999T", None),
    ],
)
def test_a_size_is_read_or_nothing(text, size):
    assert words.size_bytes(text) == size


@given(st.dictionaries(st.sampled_from(["scsi0", "net0", "memory", "cores", "boot", "smbios1"]), st.text()))
def test_any_definition_can_be_told(config):
    told = definition.definition("id", ROW, config)
    assert len(told.disks) <= 1
    assert definition.identity(config) is None or config["smbios1"]


def test_our_mark_counts_only_on_the_machine_whose_number_it_names():
    tags = marks.marked(100, "web;db", OURS, forbidden=True)
    assert (marks.tag_of(100, tags), marks.is_start_forbidden(100, tags)) == (OURS, True)
    assert (marks.tag_of(101, tags), marks.is_start_forbidden(101, tags)) == (None, False)
    assert marks.marked(101, tags, None) == "web;db"
    assert marks.marked(100, "secondsite-vault", OURS) == f"secondsite-vault;secondsite-100-{OURS}"


@given(st.lists(st.from_regex(r"[a-z0-9_][a-z0-9_+.-]{0,20}", fullmatch=True), max_size=5))
def test_tags_of_the_owner_stay(tags):
    theirs = [
        each
        for each in tags
        if not each.startswith(("secondsite-no-start-", *(f"secondsite-{n}" for n in range(10))))
    ]
    assert marks.split(marks.marked(100, ";".join(tags), None)) == tuple(theirs)


@pytest.mark.parametrize("tag", ["", "UPPER", "a b", "a;b", "x" * 200])
def test_an_id_that_no_tag_can_hold_is_refused(tag):
    with pytest.raises(errors.InvalidArgument):
        marks.marked(100, "", tag)


@pytest.mark.parametrize("told", [None, [], "text", {f"a{n}": 1 for n in range(2000)}])
def test_what_is_no_definition_is_refused(told):
    with pytest.raises(PveRefused):
        shapes.config(told, "web01")
