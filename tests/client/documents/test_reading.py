"""YAML as it is taken, and what is refused of it."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.client import documents
from secondsite.client.documents import reading
from secondsite.domain import errors

BOMB = "a: &a [x, x]\n" + "".join(
    f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "an alias that repeats itself": (BOMB, 1, "anchors"),
    "an alias of itself": ("kind: group\nname: &n [*n]\n", 2, "anchors"),
    "a merge": ("kind: policy\nname: x\n<<: {name: y}\n", 3, "no such field"),
    "an object": ("kind: policy\nname: !!python/object/apply:os.system ['true']\n", 2, "tags"),
    "a tag of a text": ("kind: policy\nname: !!str 7\n", 2, "tags"),
    "a key twice": ("kind: policy\nname: x\nname: y\n", 3, "twice"),
    "a key twice in a part": ("kind: plan\nname: x\ngroups:\n- machines: [a]\n  machines: [b]\n", 5, "twice"),
    "a key that is a list": ("kind: policy\n? [a]\n: b\n", 2, "must be a word"),
    "nothing but depth": ("[" * 5000, 1, "deep"),
    "a mapping without an end": ("kind: policy\nname: {a: b\n", 3, "no YAML"),
    "a tab": ("kind: policy\n\tname: x\n", 2, "no YAML"),
    "a character that is none": ("kind: policy\nname: \x00\n", 2, "character"),
    "a character that does not exist": ('kind: policy\nname: "\\UFFFFFFFF"\n', 2, "character"),
    "half of a character": ('kind: policy\nname: "\\ud800"\n', 2, "half of a character"),
    "a number that is too large": ("kind: policy\nname: x\ncycle_seconds: 1e999\n", 3, "too large"),
    "a list": ("- kind: policy\n", 1, "fields"),
    "a word": ("policy\n", 1, "fields"),
    "a directive": ("%TAG ! tag:example.org,2000:\n---\n!x {}\n", 3, "tags"),
    "another kind": ("kind: site\nname: x\n", 1, "give one of policy"),
    "a kind that is a list": ("kind: [policy]\nname: x\n", 1, "give one of policy"),
    "a field too many": ("kind: policy\nname: x\nretention: 5\n", 3, "no such field"),
    "a field too few": ("kind: mapping\nsource_site: a\nsource_network: x\ntarget_site: b\n", 1,
    "target_network"),
    "a word for a number": ("kind: policy\nname: x\nretention_seconds: '60'\n", 3, "valid integer"),
    "a number for a name": ("kind: policy\nname: 7\n", 2, "between quotes"),
    "a value out of its limits": ("kind: policy\nname: x\ncycle_seconds: 0\n", 3, "between 0.2 and 3600"),
    "no number": ("kind: policy\nname: x\ncycle_seconds: .nan\n", 3, "valid number"),
    "a number without an end": (f"kind: policy\nname: x\nretention_seconds: {'9' * 5000}\n", 3,
    "valid integer"),
    "a name that is a path": ("kind: plan\nname: ../x\ngroups: [{machines: [a]}]\n", 2, "pattern"),
    "a plan of nothing": ("kind: plan\nname: x\ngroups: []\n", 3, "at least 1"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "what"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_document_needs_is_refused_with_its_line(text, line, what):
    started = time.thread_time()
    with pytest.raises(errors.InvalidArgument) as refused:
        documents.load(Path("shop.yaml"), text)
    assert refused.value.message.startswith(f"shop.yaml:{line}: ")
    assert what in refused.value.message
    assert "nothing was changed" in refused.value.do
    assert time.thread_time() - started < 2


def test_everything_that_is_wrong_is_told_at_once():
    text = (
        "kind: policy\nname: x\nfoo: 1\nbar: 2\n---\nkind: plan\n---\nkind: policy\nname: y\n---\nkind: "
        "policy\nname: y\n"
    )
    with pytest.raises(errors.InvalidArgument) as refused:
        documents.load(Path("f"), text)
    lines = refused.value.message.splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "4", "6", "6", "11"]
    assert "f:8" in lines[-1]


def test_words_and_numbers_are_what_json_has():
    text = (
        "mac: 52:54:00:12:34:56\nno: no\non: on\noct: 010\nsix: 0x10\nday: 2026-11-23\nnil: ~\nempty:\nt: "
        "true\nn: -7\nf: 2.5e1\n"
    )
    (value,) = reading.documents(text)
    assert value.content == {
        "mac": "52:54:00:12:34:56", "no": "no", "on": "on", "oct": "010", "six": "0x10", "day": "2026-11-23",
        "nil": None, "empty": None, "t": True, "n": -7, "f": 25.0,
    }  # fmt: skip


@given(st.text(max_size=200))
def test_no_text_does_more_than_be_refused(text):
    try:
        documents.load(Path("f"), text)
    except errors.InvalidArgument:
        pass


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    file = tmp_path / "big.yaml"
    with file.open("wb") as opened:
        opened.truncate(1 << 40)
    with pytest.raises(errors.InvalidArgument, match="more than 4 MiB"):
        documents.load(file)


def test_a_folder_is_read_by_name_and_what_is_no_yaml_is_left_out(tmp_path):
    for name in ("b.yaml", "a.yml"):
        (tmp_path / name).write_text(f"kind: policy\nname: {name}\n")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "c.yaml").mkdir()
    assert [getattr(each.document, "name", None) for each in documents.load(tmp_path)] == ["a.yml", "b.yaml"]
    with pytest.raises(errors.InvalidArgument, match=r"no \*\.yaml"):
        documents.load(tmp_path / "c.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(errors.InvalidArgument, match=r"b\.yaml cannot be read"):
        documents.load(tmp_path)
