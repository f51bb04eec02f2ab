"""What some guests run beside the writer: programs out of Debian's packages, and scripts that the init reads.

sqlite.sh    a database commits rows on the first disk; *.sql are what it is told
iscsi.sh     the guest's own initiator, whose settings lie on the first disk, uses a target's disk
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guestkit import cpio

HERE = Path(__file__).parent
ROWS_CHECK = (HERE / "check.sql").read_text()
"""What tells whether a database of `sqlite.sh` is whole: one text, `ROWS 12 ok` or `BAD rows: why`."""


@dataclass(frozen=True, slots=True)
class Service:
    """`programs` come out of the package; `libraries` are packages that it needs, as patterns, which the host
    need not have in that version. `modules`: beside those of every guest, in the order of loading. The first
    script is the init's."""

    package: str
    libraries: tuple[str, ...]
    programs: tuple[str, ...]
    modules: tuple[str, ...]
    scripts: tuple[str, ...]

    def entries(self) -> Iterator[cpio.Entry]:
        """Its scripts in the guest."""
        for name in self.scripts:
            place = "service.sh" if name == self.scripts[0] else name
            yield cpio.file(f"service/{place}", (HERE / name).read_bytes())


SQLITE = Service(
    "sqlite3", (r"libsqlite3-\S+",), ("sqlite3",), (), ("sqlite.sh", "schema.sql", "check.sql", "commit.sql")
)
ISCSI = Service(
    "open-iscsi",
    (r"libopeniscsiusr\S*", r"libisns\S+"),
    ("iscsid", "iscsiadm", "iscsi-iname"),
    tuple("scsi_common scsi_mod sd_mod scsi_transport_iscsi libiscsi libiscsi_tcp iscsi_tcp".split()),
    ("iscsi.sh", "iscsid.conf"),
)
