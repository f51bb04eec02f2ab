"""Writes to a file, or past a device's file system: python writer.py KIND PATH SEED [FROM BYTES].

Until it is told to end; the standard library only. It prints how many writes it made."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import random
import signal
import struct
import sys
import time

PAGE = 4096
FILE_BYTES = int(os.environ.get("WRITER_MIB", "24")) << 20
FITRIM = 0xC0185879
PUNCH_HOLE = 3
PAGEOUT = 21
BURST = 64
IO_SETUP, IO_GETEVENTS, IO_SUBMIT = 206, 208, 209
ORDER = "=QIIHhIQQqQII"
ORDER_BYTES = struct.calcsize(ORDER)
SIZES = (PAGE, PAGE, 2 * PAGE, 16384, 65536, 262144)

libc = ctypes.CDLL(None, use_errno=True)
ended = False
files: dict[str, int] = {}


def end(*_):
    global ended
    ended = True


def buffer(chance):
    kept = mmap.mmap(-1, SIZES[-1])
    kept.write(chance.randbytes(SIZES[-1]))
    return kept


def place(chance, size, total=FILE_BYTES):
    return chance.randrange((total - size) // PAGE) * PAGE


def opened(path, chance, flags=0):
    if path not in files:
        file = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
        try:
            os.posix_fallocate(file, 0, FILE_BYTES)
        except OSError:
            os.close(file)
            raise
        files[path] = file
    return files[path]


def written(file, chance, data, at_from=0, total=FILE_BYTES):
    size = chance.choice(SIZES)
    start = chance.randrange(PAGE // 8) * 8 % PAGE
    data[start : start + 8] = chance.randbytes(8)
    os.pwrite(file, memoryview(data)[:size], at_from + place(chance, size, total))


def buffered(path, chance):
    file, data = opened(path, chance), buffer(chance)
    while not ended:
        for _ in range(300):
            os.pwrite(file, chance.randbytes(64), place(chance, PAGE) + chance.randrange(PAGE - 64))
            yield
        written(file, chance, data)
        os.fdatasync(file)


def direct(path, chance):
    file, data = opened(path, chance, os.O_DIRECT), buffer(chance)
    while not ended:
        written(file, chance, data)
        yield


def burst(path, chance):
    """So many pages at once, each in a request of its own, past the page cache."""
    file, data = opened(path, chance, os.O_DIRECT), mmap.mmap(-1, BURST * PAGE)
    at_data = ctypes.addressof(ctypes.c_char.from_buffer(data))
    orders, events = ctypes.create_string_buffer(BURST * ORDER_BYTES), ctypes.create_string_buffer(BURST * 32)
    places = [ctypes.addressof(orders) + number * ORDER_BYTES for number in range(BURST)]
    queue, pointers = ctypes.c_ulong(0), (ctypes.c_void_p * BURST)(*places)
    called(IO_SETUP, BURST, ctypes.byref(queue))
    while not ended:
        for number, page in enumerate(chance.sample(range(FILE_BYTES // PAGE), BURST)):
            at = number * PAGE
            data[at : at + 8] = chance.randbytes(8)
            order = (0, 0, 0, 1, 0, file, at_data + at, PAGE, page * PAGE, 0, 0, 0)
            struct.pack_into(ORDER, orders, number * ORDER_BYTES, *order)
        begun = called(IO_SUBMIT, queue, ctypes.c_long(BURST), pointers)
        while begun:
            begun -= called(IO_GETEVENTS, queue, ctypes.c_long(1), ctypes.c_long(begun), events, None)
        yield


def called(number, *words):
    """What the kernel answered; 0 if a signal came instead."""
    told = libc.syscall(ctypes.c_long(number), *words)
    if told < 0 and ctypes.get_errno() != errno.EINTR:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return max(told, 0)


def mapped(path, chance):
    file = opened(path, chance)
    view = mmap.mmap(file, FILE_BYTES)
    while not ended:
        for _ in range(200):
            at = chance.randrange(FILE_BYTES - 8)
            view[at : at + 8] = chance.randbytes(8)
            yield
        view.flush()


def storm(path, chance):
    number = 0
    while not ended:
        name = f"{path}-{number % 50}"
        number += 1
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(file, chance.randbytes(chance.randrange(1, 20000)))
        os.fsync(file)
        os.close(file)
        if number % 3 == 0:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
        yield


def discarding(path, chance):
    file, data = opened(path, chance), buffer(chance)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    while not ended:
        written(file, chance, data)
        size = chance.choice(SIZES)
        libc.fallocate(file, PUNCH_HOLE, ctypes.c_long(place(chance, size)), ctypes.c_long(size))
        if chance.randrange(40) == 0:
            os.fdatasync(file)
            try:
                fcntl.ioctl(folder, FITRIM, struct.pack("=QQQ", 0, 2**63, 0))
            except OSError:
                pass  # this device knows no discard
        yield


def mixed(path, chance):
    """All of these in turn, in one process: where processes are dear."""
    kinds, begun = (buffered, direct, mapped, storm, discarding), {}
    while not ended:
        for kind in kinds:
            if kind not in begun:
                begun[kind] = kind(f"{path}-{kind.__name__}", chance)
            try:
                next(begun[kind], None)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                del begun[kind]
            yield


def raw(path, chance, at_from, total):
    """Past the file system, on the device itself."""
    file, data = os.open(path, os.O_RDWR | os.O_DIRECT), buffer(chance)
    discard = 0x1277  # BLKDISCARD
    while not ended:
        written(file, chance, data, at_from, total)
        if chance.randrange(200) == 0:
            size = chance.choice(SIZES)
            try:
                fcntl.ioctl(file, discard, struct.pack("=QQ", at_from + place(chance, size, total), size))
            except OSError:
                pass
        yield


def swapping(_path, chance):
    """Memory of its own, pushed out to wherever this machine swaps, and changed again."""
    size = 2 * FILE_BYTES
    data = mmap.mmap(-1, size)
    while not ended:
        for _ in range(64):
            at = chance.randrange(size // PAGE) * PAGE
            data[at : at + 256] = chance.randbytes(256)
        at = chance.randrange(size // 2 // PAGE) * PAGE
        data.madvise(PAGEOUT, at, size // 2)
        yield


def main():
    kind, path, seed, *region = sys.argv[1:]
    signal.signal(signal.SIGTERM, end)
    chance, count = random.Random(int(seed)), 0
    kinds = {
        each.__name__: each
        for each in (buffered, burst, direct, mapped, storm, discarding, mixed, raw, swapping)
    }
    while not ended:
        try:
            for _ in kinds[kind](path, chance, *map(int, region)):
                count += 1
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            time.sleep(0.1)
    print(count)


if __name__ == "__main__":
    main()
