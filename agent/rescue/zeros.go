package rescue

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	zeroOut  = 0x127f // BLKZEROOUT of <linux/fs.h>
	freeMode = 0x3    // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
	// The kernel cannot be interrupted meanwhile.
	zeroedAtOnce = 64 << 20
)

// Zero makes a range zeros; with `free` the disk may let go of the place too.
func (d *Disk) Zero(offset, length int64, free bool) error {
	atomic.AddInt64(&d.written, length)
	end := offset + length
	first, last := (offset+d.SectorBytes-1)/d.SectorBytes*d.SectorBytes, end/d.SectorBytes*d.SectorBytes
	if first >= last {
		return d.writeEdges(make([]byte, length), offset)
	}
	if err := d.zeroEdges(offset, first, last, end); err != nil {
		return err
	}
	d.whole.RLock()
	defer d.whole.RUnlock()
	for ; first < last; first += zeroedAtOnce {
		part := last - first
		if part > zeroedAtOnce {
			part = zeroedAtOnce
		}
		if err := d.zeroSectors(first, part, free); err != nil {
			return fmt.Errorf("disk %s cannot be made zeros at %d: %w", d.Name, first, err)
		}
	}
	return nil
}

func (d *Disk) zeroEdges(offset, first, last, end int64) error {
	for _, edge := range [][2]int64{{offset, first}, {last, end}} {
		if edge[0] == edge[1] {
			continue
		}
		if err := d.writeEdges(make([]byte, edge[1]-edge[0]), edge[0]); err != nil {
			return err
		}
	}
	return nil
}

// zeroSectors falls back to writing zeros, which the kernel does, where the disk has no command for it.
func (d *Disk) zeroSectors(offset, length int64, free bool) error {
	if free && unix.Fallocate(int(d.file.Fd()), freeMode, offset, length) == nil {
		return nil
	}
	span := [2]uint64{uint64(offset), uint64(length)}
	_, _, failed := unix.Syscall(unix.SYS_IOCTL, d.file.Fd(), zeroOut, uintptr(unsafe.Pointer(&span)))
	if failed != 0 {
		return failed
	}
	return nil
}
