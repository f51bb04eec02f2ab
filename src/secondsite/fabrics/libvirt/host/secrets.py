"""The customer's key as a libvirt secret: private (nobody reads it back) and ephemeral (never on disk).

A daemon's secret driver is asked through the same connection. The embedded driver needs two detours in
libvirt 9.0. Defining an ephemeral secret calls a function that only a daemon has (it crashes the process),
so its definition is written to where the driver looks at its start. And the QEMU driver asks for a secret
with the identity of the calling thread, over that thread's connection to the secret driver; daemons give
both to their threads, and so do we, with libvirt's functions for daemons."""

import ctypes
import functools
import os
import uuid
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....ground import durable

_NAMESPACE = uuid.UUID("3c0b4f1e-7a3b-4c43-9a0e-0d8f5f3f6b11")

_embedded_driver: Any = None
_embedded_identity: int | None = None


def uuid_of(key: EncryptionKey) -> str:
    """The secret's name in a definition; always the same for one key, different for another."""
    return str(uuid.uuid5(_NAMESPACE, key.key_id))


def encryption(key: EncryptionKey) -> Element:
    """The element that makes libvirt open an image with the key."""
    element = Element("encryption", {"format": "luks"})
    SubElement(element, "secret", {"type": "passphrase", "uuid": uuid_of(key)})
    return element


def define(handle: Any, key: EncryptionKey) -> None:
    """Make the key known to the libvirt daemon behind `handle`, until that ends. It can be repeated."""
    handle.secretDefineXML(_definition(key)).setValue(key.secret)


def define_embedded(root: Path, key: EncryptionKey) -> None:
    """Make the key known to the embedded drivers of this process. It can be repeated; raises FabricError if
    they know another key."""
    global _embedded_driver, _embedded_identity
    if _embedded_driver is None:
        folder = root / "etc" / "secrets"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.write(folder / f"{uuid_of(key)}.xml", _definition(key))
        _embedded_driver = libvirt.open(f"secret:///embed?root={root}")
        _embedded_identity = _system_identity()
    try:
        _embedded_driver.secretLookupByUUIDString(uuid_of(key)).setValue(key.secret)
    except libvirt.libvirtError as error:
        raise errors.FabricError(
            f"The embedded driver of {root} was started with another encryption key than {key.key_id}.",
            do="Restart the appliance: a process knows one key.",
        ) from error


def act_as_system() -> None:
    """Let this thread's calls into the embedded driver use its secrets, if there are any."""
    if _embedded_identity is not None:
        _library().virIdentitySetCurrent(ctypes.c_void_p(_embedded_identity))
        _library().virSetConnectSecret(ctypes.c_void_p(_pointer_of(_embedded_driver)))


def _definition(key: EncryptionKey) -> str:
    root = Element("secret", {"ephemeral": "yes", "private": "yes"})
    SubElement(root, "uuid").text = uuid_of(key)
    SubElement(root, "description").text = f"secondsite, encryption at rest, key {key.key_id}"
    return ElementTree.tostring(root, encoding="unicode")


def _pointer_of(connection: Any) -> int:
    """The virConnectPtr inside a connection of libvirt's Python binding."""
    unwrap = ctypes.pythonapi.PyCapsule_GetPointer
    unwrap.restype, unwrap.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(unwrap(connection._o, b"virConnectPtr"))  # noqa: SLF001 the binding has no other way to its pointer


def _system_identity() -> int:
    try:
        get = _library().virIdentityGetSystem
    except AttributeError:
        raise errors.FabricError(
            "This libvirt's embedded driver cannot use secrets.",
            do="Use qemu:///system for encrypted machines.",
        ) from None
    get.restype = ctypes.c_void_p
    found = get()
    if not found:
        raise errors.FabricError(
            "libvirt gives no system identity, so its embedded driver cannot use secrets.",
            do=f"Let user {os.getuid()} write to libvirt's run folder, or use qemu:///system.",
        )
    return int(found)


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL("libvirt.so.0")
