"""A computer of plain QEMU that starts the built rescue image, and a small system for its disk."""

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from guestkit import cpio
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.support import uefi

from .support_agent import PROGRAM, TOP

BUILT = TOP / ".cache" / "rescue"
KERNEL, INITRD, ISO = BUILT / "vmlinuz", BUILT / "initrd", BUILT / "rescue.iso"
PATIENCE = 400.0
"""For a start under emulation, beside others."""
GREETING = "came home, and this is its own system"
SETTINGS_LABEL, LABEL_AT = b"SECONDSITE FAT", 43
"""In the boot sector of its file system."""

needs_image = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not ISO.exists() or ISO.stat().st_mtime < PROGRAM.stat().st_mtime,
        reason="the rescue image is not built, or older than the agent; next: ./dev rescue",
    ),
]


class Computer:
    """A computer with two disks, which ends when it is restarted."""

    def __init__(self, folder, *, firmware="bios"):
        self.folder, self.firmware = folder, firmware
        self.disks = [folder / "one.raw", folder / "two.raw"]
        for disk in self.disks:
            with disk.open("wb") as file:
                file.truncate(256 * MiB)
        self.log, self.socket = folder / "console", folder / "typing"
        self.process: subprocess.Popen[bytes] | None = None
        self.keyboard: socket.socket | None = None

    def start(self, *medium):
        """Power on, with a medium and its boot order as QEMU's words, or from its own disk."""
        self.log.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                "qemu-system-x86_64", "-machine", "q35,accel=tcg", "-m", "512", "-display", "none",
                "-chardev", f"socket,id=c,path={self.socket},server=on,wait=off,logfile={self.log}",
                "-no-reboot", "-serial", "chardev:c", "-nic", "user,model=e1000e",
                "-blockdev", f"driver=raw,node-name=one,file.driver=file,file.filename={self.disks[0]}",
                "-device", "virtio-blk-pci,drive=one,serial=ONE,bootindex=9",
                "-blockdev", f"driver=raw,node-name=two,file.driver=file,file.filename={self.disks[1]}",
                "-device", "ide-hd,drive=two,serial=TWO,bus=ide.0",
                *self._firmware(), *medium,
            ],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def _firmware(self):
        if self.firmware == "bios":
            return []
        variables = self.folder / "variables"
        shutil.copy(uefi.VARIABLES, variables)
        return [
            "-drive", f"if=pflash,format=raw,readonly=on,file={uefi.CODE}",
            "-drive", f"if=pflash,format=raw,file={variables}",
        ]  # fmt: skip

    def console(self):
        """What was said so far. A line that nobody reads is full at some time, and stops the machine."""
        if self.keyboard is not None:
            with contextlib.suppress(OSError):
                self.keyboard.recv(MiB, socket.MSG_DONTWAIT)
        return self.log.read_text(errors="replace").replace("\r", "") if self.log.exists() else ""

    def said(self, words):
        def has_said():
            assert self.process is not None
            assert self.process.poll() is None or words in self.console(), self.console()[-3000:]
            return words in self.console()

        eventually(has_said, PATIENCE)

    def type(self, *lines):
        """The line stays open: what a guest has not taken yet is lost when it is closed."""
        if self.keyboard is None:
            self.keyboard = socket.socket(socket.AF_UNIX)
            self.keyboard.connect(str(self.socket))
        for each in lines:
            self.keyboard.sendall(each.encode() + b"\n")

    def ended(self):
        """Waits until it restarts or is off."""
        assert self.process is not None
        self.process.wait(PATIENCE)

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
        if self.keyboard is not None:
            self.keyboard.close()


def pxe(*words):
    """As a PXE server would start it. Under emulation beside others the kernel's look at its timer fails."""
    line = " ".join(["console=tty0", "console=ttyS0", "quiet", "no_timer_check", *words])
    return ["-kernel", KERNEL, "-initrd", INITRD, "-append", line]


def compact_disc(iso):
    return ["-blockdev", f"driver=raw,read-only=on,node-name=cd,file.driver=file,file.filename={iso}",
            "-device", "ide-cd,drive=cd,bus=ide.1,bootindex=1"]  # fmt: skip


def stick(image):
    return ["-blockdev", f"driver=raw,node-name=stick,file.driver=file,file.filename={image}",
            "-device", "qemu-xhci",
            "-device", "usb-storage,drive=stick,removable=on,bootindex=1"]  # fmt: skip


def make_stick(folder, settings):
    """A copy of the image, with settings on its third partition as a person puts them there."""
    image = folder / "stick.raw"
    shutil.copyfile(ISO, image)
    start = image.read_bytes().index(SETTINGS_LABEL) - LABEL_AT
    (folder / "secondsite.conf").write_text(settings)
    command = ["mcopy", "-o", "-i", f"{image}@@{start}", folder / "secondsite.conf", "::secondsite.conf"]
    subprocess.run(command, check=True, timeout=60)
    return image


def own_system(folder):
    """The content of a disk that BIOS and UEFI start: a kernel, and a system that says who it is."""
    place = folder / "own"
    boot = place / "boot" / "grub"
    boot.mkdir(parents=True)
    init = f"#!/bin/sh\nmount -t devtmpfs dev /dev\necho '{GREETING}' > /dev/ttyS0\nsleep 2\npoweroff -f\n"
    busybox = Path(shutil.which("busybox") or "").read_bytes()
    entries = [
        *(cpio.folder(name) for name in ("bin", "dev")),
        cpio.file("bin/busybox", busybox, executable=True),
        *(cpio.link(f"bin/{name}", "busybox") for name in ("sh", "mount", "sleep", "poweroff")),
        cpio.character_device("dev/console", 5, 1),
        cpio.file("init", init.encode(), executable=True),
    ]
    (place / "boot" / "initrd").write_bytes(cpio.archive(entries))
    shutil.copy(KERNEL, place / "boot" / "vmlinuz")
    (boot / "grub.cfg").write_text(
        "set timeout=0\nmenuentry own {\n"
        "linux /boot/vmlinuz console=ttyS0 quiet no_timer_check\ninitrd /boot/initrd\n}\n"
    )
    image = folder / "own.raw"
    command = ["grub-mkrescue", "-o", image, place]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={**os.environ, "LC_ALL": "C"})
    content = image.read_bytes()
    return content + bytes(-len(content) % MiB)


def connected(agents, agent_id):
    """Waits for the rescue system of a machine to come."""

    def here():
        return next((each for each in agents.known() if each.agent_id == agent_id and each.connected), None)

    return eventually(here, PATIENCE)
