"""An agent that answers as qemu-ga's schema says, for a Windows that is none: its PowerShell is played by
what each script is for. Whether a Windows understands the scripts is not shown by it."""

import base64
import json
import re
from types import SimpleNamespace
from typing import Any

from secondsite.fabrics.libvirt.agent import windows_lines

MAC, CARD = "52:54:00:00:00:01", "Ethernet"
ASKED = re.compile(r"FromBase64String\('([A-Za-z0-9+/=]*)'\)")
HOME: dict[str, Any] = {
    "ipv4": {
        "dhcp": False, "routers": True, "addresses": ["10.1.0.5/24"],
        "routes": [{"to": "0.0.0.0/0", "via": "10.1.0.1"}, {"to": "10.88.0.0/16", "via": "10.1.0.9"}],
    },
    "ipv6": {"dhcp": True, "routers": True, "addresses": [], "routes": []},
    "dns_servers": ["10.1.0.2"],
}  # fmt: skip


class Windows:
    """`state`: what its one card has by hand; `kept`: files of ours in it; `applied`: what it was asked."""

    def __init__(self, state=HOME):
        self.state = json.loads(json.dumps(state))
        self.kept, self.applied, self.ended = {}, [], {}
        self.does, self.fails, self.says = True, None, None

    def answer(self, _domain, line, _seconds):
        asked = SimpleNamespace(**json.loads(line))
        found = getattr(self, asked.execute.replace("-", "_"))(**getattr(asked, "arguments", {}))
        return json.dumps({"return": found})

    def guest_get_osinfo(self):
        return {
            "id": "mswindows", "name": "Microsoft Windows", "machine": "x86_64", "version-id": "2022",
            "pretty-name": "Windows Server 2022 Datacenter", "variant": "server", "variant-id": "server",
            "version": "Microsoft Windows Server 2022", "kernel-release": "20348", "kernel-version": "10.0",
        }  # fmt: skip

    def guest_network_get_interfaces(self):
        own = [each.split("/") for family in ("ipv4", "ipv6") for each in self.state[family]["addresses"]]
        addresses = [
            {"ip-address-type": "ipv6" if ":" in ip else "ipv4", "ip-address": ip, "prefix": int(prefix)}
            for ip, prefix in own
        ]
        return [
            {"name": CARD, "hardware-address": MAC, "ip-addresses": addresses},
            {"name": "Loopback Pseudo-Interface 1", "ip-addresses": []},
        ]

    def guest_exec(self, path, arg, **_):
        assert (path, arg[-2]) == ("powershell.exe", "-EncodedCommand")
        script = base64.b64decode(arg[-1]).decode("utf-16-le")
        assert len(arg[-1]) < 30_000, "a command line of Windows takes 32,767 signs"
        (coded,) = ASKED.findall(script)
        asked = json.loads(base64.b64decode(coded))
        pid = len(self.ended) + 1
        self.ended[pid] = self._run(script, asked)
        return {"pid": pid}

    def guest_exec_status(self, pid):
        said, words = self.ended[pid]
        return {
            "exited": True, "exitcode": 3 if words else 0,
            "out-data": base64.b64encode(said.encode()).decode(),
            "err-data": base64.b64encode(words.encode()).decode(),
        }  # fmt: skip

    def _told(self):
        """In an order of its own."""
        own = {name: dict(self.state[name]) for name in ("ipv4", "ipv6")}
        for each in own.values():
            each["routes"] = each["routes"][::-1]
        return {**self.state, **own}

    def _run(self, script, asked):
        if asked["mac"] != "52-54-00-00-00-01":
            return "", f"no card {asked['mac']}"
        if windows_lines.LOOK in script:
            return self.says or json.dumps({"state": self._told(), **self.kept}) + "\r\n", ""
        if windows_lines.FORGET in script:
            self.kept.clear()
            return "", ""
        assert windows_lines.APPLY in script
        self.applied.append(asked)
        if self.fails:
            return "", self.fails
        self.kept |= {name: asked[name] for name in ("whose", "was", "set") if asked.get("whose")}
        for each in asked["families"] if self.does else ():
            addresses = [f"{one['ip']}/{one['prefix']}" for one in each["addresses"]]
            kept = {name: each[name] for name in ("dhcp", "routers", "routes")}
            self.state[each["family"].lower()] = {**kept, "addresses": addresses}
        if asked["dns"] is not None:
            self.state["dns_servers"] = asked["dns"]
        return "", ""
