"""What an operator would miss."""

import pytest

from secondsite.domain.machines.prepared import Preparations, Room, lacking

GiB = 1 << 30


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Preparations(ssh_listens=False), "No SSH server"),
        (Preparations(ssh_at_boot=False), "not seen to start it at boot"),
        (Preparations(ssh_let_in=False, ssh_ports=[22]), "port 22"),
        (Preparations(loose_cards=["eno1"]), "card eno1"),
        (Preparations(full=[Room("/var", 10 * GiB, GiB // 10)]), "/var"),
        (Preparations(newer_kernel="6.1"), "6.1"),
        (Preparations(restart_required=True), "restart"),
        (Preparations(clock_is_kept=False), "clock"),
    ],
)
def test_each_thing_that_lacks_is_one_warning(seen, words):
    (told,) = lacking(seen)
    assert words in told.what
    assert not told.blocking


def test_a_machine_that_lacks_nothing_is_told_nothing_of():
    full = [Room("/", 10 * GiB, GiB), Room("/boot/efi", GiB // 2, GiB // 20)]
    assert not [*lacking(Preparations(full=full))]
