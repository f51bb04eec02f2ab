"""The only module that calls libvirt: event loop, connection, deadlines, and translation of errors.

`qemu:///embed?root=DIR` runs the QEMU driver inside this process, without a daemon; a process can open
only one such root. Guests outlive the process; the next one that opens the root finds them again. No
libvirtError leaves this file: every call goes through `call`, which also has a deadline, because a QEMU
that does not answer would block the caller for ever."""

import contextlib
import os
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import libvirt
import libvirt_qemu

from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....ground import threads
from . import emulator, secrets
from .callers import Callers

CALL_SECONDS = 60.0
QEMU_CONF = """\
stdio_handler = "file"
user = "{user}"
group = "{group}"
swtpm_user = "{user}"
swtpm_group = "{group}"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
"""

_loop_started = False
_embedded_root: Path | None = None
_embedded_handle: Any = None
_process_lock = threading.RLock()
_calls: set[object] = set()
_losses = 0
"""How often a daemon behind the one that we talk to was found lost."""
_said = threading.local()

Heard = Callable[[str, int, int], None]
"""Called with a machine's id, and the number and the detail of a life-cycle event."""


def _unheard(_fabric_id: str, _event: int, _detail: int) -> None:
    """For callers that do not listen to events."""


class Hypervisor:
    """A connection that is made at first use and again after a break. Thread-safe."""

    def __init__(self, uri: str, key: EncryptionKey | None = None, heard: Heard = _unheard) -> None:
        """Every new connection makes `key` known to the hypervisor. `heard` is called by the event loop's
        thread for the machines of a libvirtd; those of an embedded driver leave no events behind that
        outlive this process."""
        self.uri = uri
        self._heard = heard
        self._listens: int | None = None
        self._losses = 0
        self.key = key
        self.embedded_root = embedded_root(uri)
        self._handle: Any = None
        self._lock = threading.RLock()

    @property
    def handle(self) -> Any:
        """The live virConnect; raises FabricError if the hypervisor cannot be reached."""
        with self._lock:
            if self._losses != _losses and self.embedded_root is None:
                self.close()
            if self._handle is None or not self._handle.isAlive():
                self._losses = _losses
                self._handle = self._opened()
                if self.embedded_root is None:
                    self._listens = self._listen(self._handle)
            return self._handle

    @property
    def release(self) -> int:
        """The number of libvirt's release, in its own counting."""
        return int(call("reading its release", self.handle.getLibVersion))

    def domains(self, flags: int = 0) -> list[Any]:
        return list(call("listing the machines", self.handle.listAllDomains, flags))

    def find(self, fabric_id: str) -> Any | None:
        """The machine, or None if libvirt does not know it."""
        return _found("looking for a machine", self.handle.lookupByUUIDString, fabric_id)

    def find_named(self, name: str) -> Any | None:
        return _found("looking for a machine", self.handle.lookupByName, name)

    def domain(self, fabric_id: str) -> Any:
        """The machine; raises NotFound."""
        found = self.find(fabric_id)
        if found is None:
            raise errors.NotFound(
                f"The hypervisor {self.uri} has no machine {fabric_id}.",
                do="Check with 'virsh list --all' whether it was removed or moved to another host.",
            )
        return found

    def close(self) -> None:
        """Closes the connection. An embedded driver stays in the process: libvirt cannot change its root."""
        with self._lock:
            handle, self._handle = self._handle, None
            if handle is not None and self.embedded_root is None:
                if handle.isAlive():  # who listens would keep it open
                    call("ending to listen", handle.domainEventDeregisterAny, self._listens)
                call("closing the connection", handle.close)

    def _listen(self, handle: Any) -> int:
        """Listen to life-cycle events of all machines as long as this connection lasts."""

        def told(_handle: Any, domain: Any, event: int, detail: int, _nothing: object) -> None:
            self._heard(domain.UUIDString(), event, detail)

        lives = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        return int(call("listening to events", handle.domainEventRegisterAny, None, lives, told, None))

    def _opened(self) -> Any:
        try:
            return call(f"opening {self.uri}", self._open)
        except errors.FabricError as error:
            raise errors.FabricError(
                error.message,
                do=(
                    "On the appliance's host, see that libvirtd or virtqemud runs and that 'virsh -c "
                    f"{shlex.quote(self.uri)} list' answers."
                ),
            ) from error.__cause__

    def _open(self) -> Any:
        _start_event_loop()
        if self.embedded_root is not None:
            handle = _open_embedded(self.uri, self.embedded_root)
            if self.key is not None:
                secrets.define_embedded(self.embedded_root, self.key)
            return handle
        handle = libvirt.open(self.uri)
        handle.setKeepAlive(5, 3)
        if self.key is not None:
            secrets.define(handle, self.key)
        return handle


def embedded_root(uri: str) -> Path | None:
    """The root folder of an embedded driver's URI, else None."""
    parts = urlsplit(uri)
    if parts.path.rstrip("/") != "/embed":
        return None
    roots = parse_qs(parts.query).get("root", [])
    if not roots:
        raise errors.InvalidArgument(
            f"The URI {uri} names no root.", do="Write qemu:///embed?root=/absolute/folder."
        )
    return Path(roots[0])


def call(doing: str, function: Callable[..., Any], *arguments: Any, seconds: float = CALL_SECONDS) -> Any:
    """The result of `function`; raises FabricError (caused by libvirt's error), NotFound or DeadlineExceeded.

    Calls that `function` makes through here are parts of this one: its deadline is theirs."""
    try:
        good, value = _callers.outcome(_with_its_cause, (function, *arguments), seconds)
    except TimeoutError:
        raise errors.DeadlineExceeded(
            f"The hypervisor did not finish {doing} within {seconds:.0f} s.",
            do=f"Look whether the machine's QEMU hangs ('virsh domstate', its log). {errors.TRIED_AGAIN}",
        ) from None
    if good:
        return value
    if isinstance(value, libvirt.libvirtError):
        _note_loss(value)
        raise _translated(doing, value) from value
    raise value


def _note_loss(error: Any) -> None:
    """virtqemud asks virtnetworkd, virtstoraged and virtsecretd over connections that it opens once for each
    of ours, and never again: after their restart all such calls of ours fail, and the key is forgotten."""
    global _losses
    code, domain = error.get_error_code(), error.get_error_domain()
    is_closed = (code, domain) == (libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_RPC)
    if is_closed or code == libvirt.VIR_ERR_NO_SECRET:
        _losses += 1


def calls_now() -> int:
    """How many calls of this process are in progress, also those that are not waited for any more."""
    return len(_calls)


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    this = object()
    secrets.act_as_system()
    _calls.add(this)
    try:
        yield
    finally:
        _calls.discard(this)


_callers = Callers(_counted)


def _with_its_cause(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls `function` without garbage collection in between. libvirt forgets an error at the thread's next
    call, and its objects call it when they are freed: once, garbage was collected before Python's error was
    made, and "no such machine" became a failure."""
    _said.last = None
    try:
        return function(*arguments)
    except libvirt.libvirtError as error:
        error.err = error.err or _said.last
        raise


libvirt.registerErrorHandler(lambda _, error: vars(_said).update(last=error), None)


def code_of(error: errors.SecondsiteError) -> int | None:
    """libvirt's error code behind one of our errors."""
    cause = error.__cause__
    return cause.get_error_code() if isinstance(cause, libvirt.libvirtError) else None


def is_lost(error: errors.SecondsiteError) -> bool:
    """Whether the connection to the hypervisor broke, or could not be made."""
    cause = error.__cause__
    return isinstance(cause, libvirt.libvirtError) and cause.get_error_domain() == libvirt.VIR_FROM_RPC


def _translated(doing: str, error: Any) -> errors.SecondsiteError:
    text = f"{doing[0].upper()}{doing[1:]} failed: {error.get_error_message() or error}."
    code = error.get_error_code()
    if code == libvirt.VIR_ERR_NO_DOMAIN:
        return errors.NotFound(
            text, do="Check with 'virsh list --all' whether the machine was removed or moved."
        )
    if code == libvirt.VIR_ERR_OPERATION_TIMEOUT:
        return errors.DeadlineExceeded(
            text, do=f"Another job may hold this machine: 'virsh domjobinfo'. {errors.TRIED_AGAIN}"
        )
    return errors.FabricError(text)


def _found(doing: str, lookup: Callable[[str], Any], name: str) -> Any | None:
    try:
        return call(doing, lookup, name)
    except errors.NotFound:
        return None


def _open_embedded(uri: str, root: Path) -> Any:
    global _embedded_root, _embedded_handle
    with _process_lock:
        if _embedded_root not in (None, root):
            raise errors.FabricError(
                f"This process runs the embedded driver of {_embedded_root} and cannot open {root} too.",
                do="Run one appliance process for each embedded root.",
            )
        if _embedded_handle is None or not _embedded_handle.isAlive():
            _prepare_root(root)
            if _embedded_handle is None:
                emulator.forget_the_dead(root)
            with emulator.asked_seldom(root):
                _embedded_handle = libvirt.open(uri)
            _embedded_root = root
        return _embedded_handle


def _prepare_root(root: Path) -> None:
    if not root.is_absolute():
        raise errors.InvalidArgument(
            f"The embedded root {root} is not absolute.", do="Give an absolute path."
        )
    settings = root / "etc" / "qemu.conf"
    if settings.exists():
        return
    settings.parent.mkdir(parents=True, exist_ok=True)
    being_written = settings.with_suffix(f".{os.getpid()}")
    being_written.write_text(QEMU_CONF.format(user=f"+{os.getuid()}", group=f"+{os.getgid()}"))
    being_written.rename(settings)


def _start_event_loop() -> None:
    global _loop_started
    with _process_lock:
        if not _loop_started:
            libvirt.virEventRegisterDefaultImpl()
            threads.worker("libvirt events", _turn_events).start()
            _loop_started = True


def _turn_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def virsh() -> str:
    """The program with which processes that outlive us reach a libvirtd. Raises FabricError where it is
    not installed: a watchdog without it would do nothing."""
    if shutil.which("virsh") is None:
        raise errors.FabricError(
            "The program 'virsh' is not installed on the appliance's host. If the appliance died, nothing "
            "could end its job with the machine.",
            do="Install it (Debian: libvirt-clients); replication goes on by itself.",
        )
    return "virsh"


def monitor_command(domain: Any, line: str, seconds: float = 20.0) -> str:
    """One raw QMP command; the answer's text."""
    return str(call("asking QEMU", libvirt_qemu.qemuMonitorCommand, domain, line, 0, seconds=seconds))


def monitor_command_with_file(domain: Any, line: str, file: int, seconds: float = 20.0) -> str:
    """The same; QEMU gets a copy of the open file."""
    ask = libvirt_qemu.qemuMonitorCommandWithFiles
    answer = call("asking QEMU", ask, domain, line, [file], 0, seconds=seconds)
    return str(answer[0] if isinstance(answer, tuple) else answer)


def agent_command(domain: Any, line: str, seconds: int) -> str:
    """One guest agent command; the answer's text."""
    ask = libvirt_qemu.qemuAgentCommand
    return str(call("asking the guest agent", ask, domain, line, seconds, 0, seconds=seconds + 5.0))
