"""Hosts of a Debian release with a systemd of their own, on which our packages are tried."""

import contextlib
import functools
import json
import re
import ssl
import uuid
from http.cookiejar import DefaultCookiePolicy

import httpx2
import pytest

from rig import installed, release
from rig.eventually import eventually
from rig.installed.network import Network
from rig.installed.service import Service
from rig.packages import building

HOME = "/var/lib/secondsite/vault"
CLIENT = f"SECONDSITE_CLIENT={HOME}/client.json"
VAULT, APPLIANCE = "secondsite-vault", "secondsite-appliance"
NUMBER = 10
"""Of the host, in its network."""


def why_not():
    return release.why_not() or installed.why_not()


@functools.cache
def packages(version):
    """Of this checkout: the files, by the names of the packages."""
    return named(building.built(version, fast=True))


@functools.cache
def packages_before(version):
    """Of the commit before. Skips where that has none."""
    try:
        return named(building.built_before(version))
    except building.NotBuilt as problem:
        if "has no packages" not in str(problem):
            raise
        pytest.skip(str(problem))


def named(paths):
    return {path.name.partition("_")[0]: path for path in paths}


class Site:
    """A host, and what is typed there. This machine is all that it reaches: nothing is downloaded.
    `address`: at which it is reached; `machine`: at which this machine is."""

    def __init__(self, host, address, machine):
        self.host, self.address, self.machine = host, address, machine
        self.vault, self.appliance = Service(host, VAULT), Service(host, APPLIANCE)

    def __call__(self, line, within_seconds=300):
        """What a line for a shell prints, on standard output."""
        return self.host.must("sh", "-euc", line, within_seconds=within_seconds)

    def install(self, found, *names):
        """As an operator does it, of files; what dpkg and the packages say."""
        for path in found.values():
            self.host.write(f"/root/{path.name}", "")
            self.host.path(f"/root/{path.name}").write_bytes(path.read_bytes())
        chosen = " ".join(f"/root/{found[name].name}" for name in names or found)
        return self(
            f"DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends {chosen} 2>&1"
        )

    def ask(self, line):
        return self(f"{CLIENT} secondsite {line}")

    def answers(self):
        """Whether the vault does, as after a restart."""
        return self.host.run("sh", "-c", f"{CLIENT} secondsite vault show").returncode == 0

    def sites(self):
        return {each["name"] for each in json.loads(self.ask("site list --json"))}

    def init(self):
        at = f"--host 127.0.0.1 --host {self.address} --listen 0.0.0.0"
        return self(f"secondsite vault init --home {HOME} --name dr {at}")

    def enroll(self):
        """An appliance of libvirt on this host, at the site paris; it runs then, and the vault hears it."""
        self.ask("site create paris")
        said = self.ask("appliance create-registration-key --site paris --json")
        key = json.loads(said)
        self.host.write("/root/key", key["key"])
        self(
            "secondsite appliance enroll --vault https://127.0.0.1:8443 "
            f"--fingerprint {key['ca_fingerprint']} --key-file /root/key --name paris-1 --uri qemu:///system "
            "--home /var/lib/secondsite/appliance --store /srv/store --scratch /srv/scratch "
            "--listen 127.0.0.1:9445 --advertise 127.0.0.1:9445"
        )
        self.appliance.start()
        eventually(self.hears_appliance, 60)

    def rest(self):
        """A client of the vault's REST API, on this machine, with the first token. It keeps no cookies."""
        trusted = ssl.create_default_context(cadata=self(f"cat {HOME}/pki/ca.pem"))
        rest = httpx2.Client(
            base_url=f"https://{self.address}:8443", verify=trusted, trust_env=False, timeout=60,
            headers={"Authorization": f"Bearer {self(f'cat {HOME}/token').strip()}"},
        )  # fmt: skip
        rest.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return rest

    def hears_appliance(self):
        return all(each["connected"] for each in json.loads(self.ask("appliance list --json")))

    def version(self, package):
        return self(f"dpkg-query -W -f '${{Version}}' {package}")

    def has(self, path):
        return self.host.run("test", "-e", path).returncode == 0

    def program_of(self, service):
        """The folder of the program that a service runs."""
        command = self(f"tr '\\0' '\\n' < /proc/{service.pid}/cmdline")
        found = re.search(r"(/\S*)/bin/secondsite", command)
        assert found is not None, command
        return found[1]


@contextlib.contextmanager
def site(folder, layer):
    """A host over that layer, switched on, and off afterwards."""
    folder.mkdir(exist_ok=True)
    network = Network(folder, uuid.uuid4().hex[:6])
    space = network.namespace(NUMBER)
    host = installed.Host("packages", folder, network=space, below=layer.lower)
    host.connect = lambda: network.connect(NUMBER)
    try:
        host.power_on()
        yield Site(host, network.address(NUMBER), network.address(1))
    finally:
        host.destroy()
        network.close()
