package tracking

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"secondsite/agent/marks"
)

const membarrierGlobal = 1

// Take returns what was marked since the last time, a set for each disk. What is written from now on is in the next one.
func (t *Tracker) Take() ([]*marks.Set, error) {
	old := t.control.slot & 1
	atomic.StoreUint32(&t.control.slot, old^1)
	if err := awaitPrograms(); err != nil {
		return nil, err
	}
	taken := t.read(old)
	clearBytes(t.slot(old))
	return taken, nil
}

// Peek returns what was marked since the last Take, and leaves it marked.
func (t *Tracker) Peek() ([]*marks.Set, error) {
	if err := awaitPrograms(); err != nil {
		return nil, err
	}
	return t.read(t.control.slot & 1), nil
}

// awaitPrograms waits until all programs that run now have ended: they run within RCU, and this waits for a grace period.
func awaitPrograms() error {
	if _, _, failed := syscall.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0); failed != 0 {
		return fmt.Errorf("the kernel offers no global membarrier (%w): this machine can only be scanned", failed)
	}
	return nil
}

func (t *Tracker) slot(number uint32) []byte {
	from := uint64(number) * t.control.slotBytes
	return t.seen[from : from+t.control.slotBytes]
}

func (t *Tracker) read(number uint32) []*marks.Set {
	slot := t.slot(number)
	sets := make([]*marks.Set, len(t.disks))
	for at, disk := range t.disks {
		set := marks.NewSet(marks.Blocks(disk.SizeBytes))
		t.collect(set, slot[disk.first:disk.first+disk.granules], 1)
		coarse := t.control.coarseFirst + disk.first>>coarseShift
		t.collect(set, slot[coarse:coarse+(disk.granules+coarseBlocks-1)>>coarseShift], coarseBlocks)
		sets[at] = set
	}
	return sets
}

// collect adds the blocks of the bytes that are not zero; each stands for `granules` granules.
func (t *Tracker) collect(into *marks.Set, from []byte, granules int) {
	blocks := granules << (t.shift + sectorShift - blockShift)
	for at := 0; at < len(from); at++ {
		if at%8 == 0 && at+8 <= len(from) && binary.LittleEndian.Uint64(from[at:]) == 0 {
			at += 7
			continue
		}
		if from[at] != 0 {
			into.Add(at*blocks, (at+1)*blocks-1)
		}
	}
}

func clearBytes(of []byte) {
	for at := range of {
		of[at] = 0
	}
}
