"""What deploy/install puts on a host works: in a copy of this host's folders that goes away with the test."""

import os
import subprocess

import pytest

from tests.deploy.support_deploy import ROOT

pytestmark = [
    pytest.mark.every,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.getuid() != 0, reason="an installation changes the host, so it needs root"),
]

APART = ("/etc", "/opt", "/usr/local", "/var/lib")
"""What an installation changes. Each is laid over the host's, in memory, and only for what runs inside."""

INSIDE = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$SCRATCH"
for folder in $APART; do
    mkdir -p "$SCRATCH$folder/upper" "$SCRATCH$folder/work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$SCRATCH$folder/upper,workdir=$SCRATCH$folder/work" "$folder"
done
mkdir -p /run/systemd
exec sh -eu -c "$1"
"""  # noqa: E501

VAULT = """
"$ROOT/deploy/install" vault
cd /
id secondsite
env PYTHONHOME=/nowhere PYTHONUTF8=7 /usr/local/bin/secondsite --version
/usr/local/bin/secondsite vault init --home /var/lib/secondsite/vault --name dr --host 127.0.0.1
find /var/lib/secondsite/vault -not -user secondsite -o -perm /077 -not -name '*.pem' | sed 's/^/OPEN /'
setpriv --reuid=65534 --regid=65534 --clear-groups test ! -r /var/lib/secondsite/vault/token
exec unshare -n sh -eu -c '
    ip link set lo up
    setpriv --reuid=secondsite --regid=secondsite --clear-groups --bounding-set=-all --no-new-privs \\
        env HOME=/var/lib/secondsite/vault /usr/local/bin/secondsite vault run --home /var/lib/secondsite/vault &
    export SECONDSITE_CLIENT=/var/lib/secondsite/vault/client.json
    tries=0
    until /usr/local/bin/secondsite vault show; do
        tries=$((tries + 1)); [ "$tries" -lt 60 ] || exit 1
        kill -0 $!
    done
    /usr/local/bin/secondsite site create paris
    kill $!
    wait $! || true
'
"""  # noqa: E501

APPLIANCE = """
mkdir -p /etc/apparmor.d/local/abstractions /etc/apparmor.d/abstractions
echo '/site/own r,' > /etc/apparmor.d/local/abstractions/libvirt-qemu
"$ROOT/deploy/install" appliance
"$ROOT/deploy/install" vault appliance --no-restart
test -f /etc/systemd/system/secondsite-vault.service
find /opt/secondsite -perm /022 -not -type l | sed 's/^/OPEN /'
test -x /etc/libvirt/hooks/qemu.d/secondsite
test -f /etc/systemd/system/secondsite-appliance.service
if [ -f "$ROOT/.cache/agent/secondsite-agent" ]; then /opt/secondsite/share/secondsite-agent --version; fi
cmp "$ROOT/deploy/secondsite-qemu.apparmor" /etc/apparmor.d/abstractions/secondsite-qemu
cat /etc/apparmor.d/local/abstractions/libvirt-qemu
/usr/local/bin/secondsite appliance enroll --help
"""


def inside(folder, script):
    """What became of a script, run where the host's folders can be changed and nothing of that stays."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.environ.get("HOME", "/root"),
        "ROOT": str(ROOT), "SCRATCH": str(folder), "APART": " ".join(APART), "LC_ALL": "C.UTF-8",
        **{name: value for name,
        value in os.environ.items() if name.lower().startswith(("pip_", "http", "ssl_", "no_proxy"))},
    }  # fmt: skip
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", INSIDE, "sh", script],
        env=environment, capture_output=True, text=True, timeout=500, check=False, cwd=folder,
    )  # fmt: skip


@pytest.fixture
def installed(tmp_path):
    tried = inside(tmp_path, "true")
    if tried.returncode != 0:
        pytest.skip(f"the host itself would be changed: nothing can be laid over it: {tried.stderr}")

    for name in (
        "venv",
        "pip",
        "pathlib",
        "secondsite",
    ):  # in the folder in which it is called, as in anybody's
        (tmp_path / f"{name}.py").write_text(
            "import sys; sys.exit('OPEN: a module of the current folder was run as root')"
        )

    def run(script):
        done = inside(tmp_path, script)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "OPEN" not in said, said
        return said

    return run


def test_the_vault_of_an_installation_runs_as_its_own_user_without_any_right(installed):
    said = installed(VAULT)
    assert "next: sudo secondsite vault init" in said
    assert "paris" in said


def test_the_host_of_an_appliance_gets_the_start_veto_and_its_service_however_often_it_is_installed(
    installed,
):
    said = installed(APPLIANCE)
    assert "restarting libvirtd" not in said, "there is none here"
    assert said.count("put the start veto at") == 1, "the second time it is there already"
    assert said.count("building secondsite") == 2, "once each time, for how many roles ever"
    assert "--fingerprint" in said
    assert "/site/own r,\ninclude if exists <abstractions/secondsite-qemu>\n" in said, "AppArmor's rules"
    assert said.count("<abstractions/secondsite-qemu>") == 1, "the second time they are there already"
