"""Whether a folder is the host's is known by what is mounted where, by a service that may do little."""

import subprocess
import sys
from pathlib import Path

import pytest

from secondsite.appliance.orders.points.mounts import place

HOST = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /dev/shm rw shared:2 - tmpfs tmpfs rw
40 22 254:16 /vm /srv/with\\040space rw - xfs /dev/vdb rw
"""
SERVICE = f"""\
{HOST}\
51 22 254:0 /usr /usr ro,relatime - ext4 /dev/vda rw
52 22 254:0 /tmp/systemd-private-1/tmp /tmp rw,relatime - ext4 /dev/vda rw
53 52 0:99 / /tmp/inner rw - tmpfs none rw
54 22 0:98 / /dev/shm rw - tmpfs none rw
"""


@pytest.mark.parametrize(
    ("folder", "is_the_hosts"),
    [
        ("/var/lib/libvirt/images", True),
        ("/usr/share", True),
        ("/srv/with space/web", True),
        ("/tmp", False),
        ("/tmp/a/b", False),
        ("/tmp/inner", False),
        ("/tmpfiles", True),
        ("/dev/shm", False),
    ],
)
def test_a_folder_below_a_mount_of_the_service_s_own_is_not_the_host_s(folder, is_the_hosts):
    assert (place(Path(folder), SERVICE) == place(Path(folder), HOST)) is is_the_hosts


def test_a_place_within_a_device_is_told_with_what_is_mounted_of_it():
    assert place(Path("/srv/with space/web"), HOST) == ("254:16", Path("/vm/web"))
    assert place(Path("/x"), "") == ("", Path("/x"))


INSIDE = """
import sys
from pathlib import Path
from secondsite.appliance.orders.points import copy_checks
print(*(copy_checks._is_the_hosts(Path(each)) for each in sys.argv[1:]))
"""


def test_a_service_without_the_right_to_look_at_the_host_s_files_knows_its_own_tmp(tmp_path):
    """With the capabilities of the unit /proc/1/root is refused: each /tmp was taken for the host's."""
    script = f'mount --bind {tmp_path} /tmp && exec setpriv "$@"'
    bounds = "--bounding-set=-all,+chown,+fowner,+dac_override,+dac_read_search,+kill"
    folders = ["/tmp", "/var/../tmp", "/var/lib", "/var/lib/no-such-folder"]
    words = ["unshare", "--mount", "sh", "-c", script, "sh", bounds, sys.executable, "-c", INSIDE, *folders]
    said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said.split() == ["False", "False", "True", "False"]
