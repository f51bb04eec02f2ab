"""UEFI variables written from outside: a boot entry in the file that a machine's firmware keeps them in.

The layout is edk2's (MdeModulePkg/Include/Guid/VariableFormat.h): a firmware volume, in it a store, in it
variables with an authenticated header; free space is all ones.
"""

import struct
import uuid
from pathlib import Path

CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
SHELL = ((7, "7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1"), (6, "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1"))
NUMBER = 0x42
STORE_HEADER_BYTES, VARIABLE_HEADER_BYTES = 28, 60

XML = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>128</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>
    <loader readonly='yes' type='pflash'>{code}</loader><nvram>{variables}</nvram></os>
  <features><acpi/></features><on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
      <target dev='vda' bus='virtio'/></disk>
    <tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>
    <serial type='file'><source path='{console}'/></serial>
    <memballoon model='none'/>
  </devices></domain>"""  # noqa: E501


def domain_xml(name, variables, disk, console):
    """A machine with UEFI firmware and a TPM, whose console is a file."""
    return XML.format(
        name=name, uuid=uuid.uuid4(), code=CODE, variables=variables, disk=disk, console=console
    )


def variables_with_entry(description):
    """A variable file whose only boot entry, of this description, is OVMF's own shell."""
    store = bytearray(VARIABLES.read_bytes())
    at = struct.unpack_from("<H", store, 48)[0] + STORE_HEADER_BYTES
    while store[at : at + 2] == b"\xaa\x55":
        name_bytes, data_bytes = struct.unpack_from("<II", store, at + 36)
        at += -(-(VARIABLE_HEADER_BYTES + name_bytes + data_bytes) // 4) * 4
    for name, data in ((f"Boot{NUMBER:04X}", _entry(description)), ("BootOrder", struct.pack("<H", NUMBER))):
        made = _variable(name, data)
        assert store[at : at + len(made)] == b"\xff" * len(made)
        store[at : at + len(made)] = made
        at += -(-len(made) // 4) * 4
    return bytes(store)


def _variable(name, data):
    text = f"{name}\0".encode("utf-16-le")
    lasting_everywhere = 7
    head = struct.pack("<HBBIQ16xIII", 0x55AA, 0x3F, 0, lasting_everywhere, 0, 0, len(text), len(data))
    return head + GLOBAL + text + data


def _entry(description):
    path = b"".join(struct.pack("<BBH", 4, kind, 20) + uuid.UUID(guid).bytes_le for kind, guid in SHELL)
    path += struct.pack("<BBH", 0x7F, 0xFF, 4)
    return struct.pack("<IH", 1, len(path)) + f"{description}\0".encode("utf-16-le") + path


def loaded(description):
    """What the firmware says on the console when it boots the entry."""
    return f'BdsDxe: starting Boot{NUMBER:04X} "{description}"'.encode()
