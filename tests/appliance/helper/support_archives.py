"""Archives as a helper machine sends them, and as one sends them that was taken over."""

import io
import tarfile


def header(name, kind=tarfile.REGTYPE, size=0, link="", mode=0o644):
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname, found.mode, found.mtime = kind, size, link, mode, 1_700_000_000
    return found.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def member(name, content=b"", **more):
    return header(name, size=len(content), **more) + content + bytes(-len(content) % 512)


END = bytes(1024)
FOLDER = {"kind": tarfile.DIRTYPE, "mode": 0o755}


def archive(*members):
    return b"".join([*members, END])


def reader(data):
    """`read(n)`, which fails as a helper machine's end does once there is no more."""
    stream = io.BytesIO(data)

    def read(length):
        found = stream.read(length)
        if len(found) != length:
            raise EOFError
        return found

    return read
