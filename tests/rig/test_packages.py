"""The Debian packages' versions and changelog."""

import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from rig.packages import __main__ as command
from rig.packages import changelog, lintian
from rig.release.root import TOP

MADE_AT = datetime(2026, 11, 30, 7, 32, 31, tzinfo=UTC)
HEAD = re.compile(r"secondsite \((\S+)\) (\w+); urgency=medium")
TRAILER = re.compile(r" -- [^<>]+ <\S+@\S+>  \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000")


def written(folder, made_at=MADE_AT):
    version = changelog.write(TOP, made_at, "12", "bookworm", folder / "changelog")
    return version, (folder / "changelog").read_text()


def is_below(one, other):
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other], timeout=60).returncode == 0


def test_each_entry_has_a_head_and_a_trailer_and_what_it_brings(tmp_path):
    version, text = written(tmp_path)
    entries = text.split("\n\nsecondsite (")
    head = HEAD.match(text)
    assert head
    assert head[1] == version
    for entry in entries:
        lines = entry.rstrip("\n").split("\n")
        assert TRAILER.fullmatch(lines[-1])
        assert any(line.startswith("  * ") for line in lines)
        assert all(line == "" or line.startswith("  ") for line in lines[1:-1])


def test_a_later_commit_has_a_higher_version_which_is_above_the_last_release_and_below_the_next(tmp_path):
    earlier, _ = written(tmp_path)
    later, text = written(tmp_path, MADE_AT + timedelta(seconds=1))
    last = HEAD.findall(text)[1][0]
    assert is_below(last, earlier)
    assert is_below(earlier, later)
    assert is_below(later, f"{last.split('.')[0]}.{int(last.split('.')[1]) + 1}.0~deb12u1")


def test_packages_of_debian_13_are_above_those_of_12_so_that_an_upgrade_of_the_host_takes_them(tmp_path):
    on_12 = changelog.write(TOP, MADE_AT, "12", "bookworm", tmp_path / "changelog")
    on_13 = changelog.write(TOP, MADE_AT, "13", "trixie", tmp_path / "changelog")
    assert is_below(on_12, on_13)


OVERRIDDEN = "O: secondsite: unstripped-binary-or-object [usr/lib/secondsite/lib/x.so]\n"
WARNED = "W: secondsite: no-manual-page [usr/bin/secondsite]\n"
FAILED = "E: secondsite: no-copyright-file\n"


def test_what_lintian_finds_is_told():
    assert lintian.judged(0, OVERRIDDEN) == []
    assert lintian.judged(2, OVERRIDDEN) == [], "that of Debian 12 counts them"
    assert lintian.judged(0, WARNED + OVERRIDDEN) == [WARNED.strip()]
    assert lintian.judged(2, FAILED + WARNED + OVERRIDDEN) == [FAILED.strip(), WARNED.strip()]


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, ""), (137, WARNED), (0, ""), (0, WARNED), (0, FAILED + OVERRIDDEN), (1, FAILED + OVERRIDDEN)],
)
def test_a_lintian_that_did_not_look_to_the_end_has_found_nothing_out(code, said):
    with pytest.raises(lintian.NotJudged):
        lintian.judged(code, said)


def test_a_release_of_debian_that_is_not_known_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--release", "11"])
    assert end.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
