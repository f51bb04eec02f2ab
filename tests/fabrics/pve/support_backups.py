"""Backups of a cluster that starts nothing itself: upstream's QEMU holds the disks of its machines, and shows
them as Proxmox VE's does (copy-before-write, snapshot-access, a dirty bitmap, over NBD). The plugin runs with
stubs of its base classes, called in the order of Proxmox VE's documentation.

No node of Proxmox VE runs here: its own QEMU and its own vzdump are not tried."""

import asyncio
import json
import subprocess
from pathlib import Path

from fakepve.model import TaskError

from secondsite.datapath.disks.storage_daemon import StorageDaemon

HERE = Path(__file__).parent
PLUGIN = HERE.parents[2] / "deploy/pve/SecondsitePlugin.pm"
BITMAP = "snapshot-access:secondsite"
GRANULARITY = 64 * 2**10
SECONDS = 60.0


class Disk:
    """A disk that a guest writes to by the export 'guest-DEVICE', for as long as its machine runs."""

    def __init__(self, qemu, folder, device, size):
        self.qemu, self.device, self.size = qemu, device, size
        self.fleece = folder / f"fleece-{device}"
        path = folder / f"disk-{device}"
        for each in (path, self.fleece):
            each.touch()
        with path.open("r+b") as file:
            file.truncate(size)
        self.run("blockdev-add", driver="file", filename=str(path), node_name=self.base, discard="unmap")
        self.run("blockdev-add", driver="raw", node_name=self.top, file=self.base)
        self.run(
            "block-export-add", type="nbd", id=self.top, node_name=self.top, name=self.top, writable=True
        )
        self.view = None

    @property
    def base(self):
        return f"base-{self.device}"

    @property
    def top(self):
        return f"guest-{self.device}"

    def run(self, command, **arguments):
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        return self.qemu.qmp(command, **named)

    def counts(self):
        nodes = {each["node-name"]: each for each in self.run("query-named-block-nodes")}
        return BITMAP in {each["name"] for each in nodes[self.base].get("dirty-bitmaps", ())}

    def show(self, wanted):
        """As Proxmox VE does for `wanted`, 'use', 'new' or None; what the provider is told."""
        mode = "reuse" if wanted == "use" and self.counts() else "new" if wanted else "none"
        self._count(mode)
        with self.fleece.open("r+b") as file:
            file.truncate(0)
            file.truncate(self.size)
        self.run("blockdev-add", driver="file", filename=str(self.fleece), node_name=f"fleece-{self.device}")
        only = {"bitmap": {"node": self.base, "name": "view"}} if mode == "reuse" else {}
        self.run("blockdev-add", driver="copy-before-write", node_name=f"cbw-{self.device}", file=self.base,
                 target=f"fleece-{self.device}", **only)  # fmt: skip
        self._stand_on(f"cbw-{self.device}")
        shown = f"shown-{self.device}"
        self.run("blockdev-add", driver="snapshot-access", node_name=shown, file=f"cbw-{self.device}")
        self._export(shown, mode)
        self.view = mode
        told = {"size": self.size, "bitmap-mode": mode, "nbd-path": str(self.qemu.nbd_socket)}
        return told | ({"bitmap-name": "view"} if mode != "none" else {})

    def end(self, success):
        """What was counted meanwhile is kept; of a backup that failed also what it would have read."""
        self.run("block-export-del", id=f"shown-{self.device}", mode="hard")
        self._await_export_gone()
        self.run("blockdev-del", node_name=f"shown-{self.device}")
        self._stand_on(self.base)
        self.run("blockdev-del", node_name=f"cbw-{self.device}")
        self.run("blockdev-del", node_name=f"fleece-{self.device}")
        if self.view == "reuse" and not success:
            self.run("block-dirty-bitmap-merge", node=self.base, target=BITMAP, bitmaps=["view"])
        if self.view == "reuse":
            self.run("block-dirty-bitmap-remove", node=self.base, name="view")
        if self.view == "new" and not success:
            self.forget_marks()
        self.view = None

    def forget_marks(self):
        if self.counts():
            self.run("block-dirty-bitmap-remove", node=self.base, name=BITMAP)

    def _count(self, mode):
        """Writes from now on; what was counted before is in 'view' alone."""
        if mode != "reuse":
            self.forget_marks()
        named = {"node": self.base, "granularity": GRANULARITY}
        if mode == "new":
            self.run("block-dirty-bitmap-add", **named, name=BITMAP)
        elif mode == "reuse":
            self.run("block-dirty-bitmap-add", **named, name="view", disabled=True)
            self.run("block-dirty-bitmap-merge", node=self.base, target="view", bitmaps=[BITMAP])
            self.run("block-dirty-bitmap-clear", node=self.base, name=BITMAP)

    def _stand_on(self, node):
        self.run("blockdev-reopen", options=[{"driver": "raw", "node-name": self.top, "file": node}])

    def _export(self, shown, mode):
        more = {"bitmaps": [{"node": self.base, "name": "view"}]} if mode == "reuse" else {}
        name = f"drive-{self.device}"
        self.run("block-export-add", type="nbd", id=shown, node_name=shown, name=name, **more)

    def _await_export_gone(self):
        for _ in range(600):
            if f"shown-{self.device}" not in {each["id"] for each in self.run("query-block-exports")}:
                return
            subprocess.run(["sleep", "0.05"], check=True)
        raise AssertionError("the export stays")


class Backups:
    """Makes a cluster's backups real, of machines whose disks are here."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder = cluster, folder
        self.socket = folder / "p.sock"
        self.qemu = StorageDaemon(folder / "q")
        self.qemu.start()
        self.disks, self.tasks, self.modes, self.fields = {}, [], [], []
        self.before_show = lambda: None
        _routed(cluster.pve, self)

    def add(self, vmid, *sizes):
        folder = self.folder / str(vmid)
        folder.mkdir()
        self.disks[vmid] = [Disk(self.qemu, folder, f"scsi{place}", size) for place, size in enumerate(sizes)]

    async def vzdump(self, node, fields):
        vmid = int(fields["vmid"])
        self.fields.append(dict(fields))
        vm = self.cluster.pve.vm(vmid)

        async def body():
            if any(task["status"] == "running" and task["type"] == "vzdump" for task in self.others()):
                raise TaskError("can't acquire lock '/var/run/vzdump.lock' (wait = 0) - got timeout")
            vm.lock = vm.config["lock"] = "backup"
            try:
                ended = await asyncio.get_running_loop().run_in_executor(None, self._run, vmid)
            finally:
                vm.lock = None
                vm.config.pop("lock", None)
            if ended != "OK":
                raise TaskError(f"job errors: {ended}")

        user = "secondsite@pve!appliance"
        task = await self.cluster.pve.task(node, "vzdump", vmid, user, body, vm=vm, lock=False)
        self.tasks.append(task)
        return task

    def others(self):
        ours = self.cluster.pve.tasklog[-1]["upid"]
        return [task for task in self.cluster.pve.tasklog if task["upid"] != ours]

    def _run(self, vmid):
        disks = self.disks[vmid]
        sizes = {f"drive-{disk.device}": disk.size for disk in disks}
        with plugin(self.socket, vmid, sizes) as process:
            said = json.loads(process.stdout.readline())
            if "modes" in said:
                self.modes.append(said["modes"])
                self.before_show()
                shown = {f"drive-{d.device}": d.show(said["modes"].get(f"drive-{d.device}")) for d in disks}
                process.stdin.write(json.dumps(shown) + "\n")
                process.stdin.flush()
                said = json.loads(process.stdout.readline())
                for disk in disks:
                    disk.end(said["ended"] == "OK")
        return said["ended"].strip()

    def stop(self):
        self.qemu.stop()


def plugin(socket, vmid, sizes, vmtype="qemu"):
    """The plugin in a process, as far as a backup calls it."""
    settings = json.dumps({"secondsite-socket": str(socket)})
    stubs = HERE / "stubs"
    return subprocess.Popen(
        ["perl", "-I", stubs, stubs / "vzdump.pl", PLUGIN, settings, json.dumps(sizes), str(vmid), vmtype],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _routed(pve, backups):
    """The generic answer to a backup is a task that did nothing: this one does it."""
    answer = pve.answer

    async def instead(request, match, params, user, call=None):
        if match is None or (request.method, match.template) != ("POST", "/nodes/{node}/vzdump"):
            return await answer(request, match, params, user, call)
        await answer(request, match, params, user, lambda *_: asyncio.sleep(0))
        return await backups.vzdump(match.params["node"], params)

    pve.answer = instead
