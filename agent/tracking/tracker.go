package tracking

import (
	"os"
	"syscall"
	"unsafe"
)

// Disk is what is watched: its device number, its size, and the names of its paths that have no device number.
type Disk struct {
	Major, Minor uint32
	SizeBytes    int64
	Paths        []string
}

// Tracker is the running programs. It is used by one goroutine at a time.
type Tracker struct {
	kernel   *loaded
	counts   table
	disks    []placed
	shift    uint32
	seen     []byte
	control  *control
	page     []byte
	programs []*os.File
}

// placed is a disk with its place in a slot, in granules.
type placed struct {
	Disk
	first, granules uint64
}

const (
	sectorShift  = 9
	blockShift   = 16
	coarseShift  = 8
	coarseBlocks = 1 << coarseShift
	// Two slots of so many bytes lie in the kernel's memory: a mark for each 64 KiB up to 512 GiB in all, coarser above.
	mostGranules = 8 << 20
)

type control struct {
	slot, _                uint32
	slotBytes, coarseFirst uint64
}

type diskValue struct {
	First, Granules      uint64
	Shift, Unused        uint32
	Bytes                [copies]uint64
	Once                 uint64
	Passthrough, Outside uint64
}

type pathName [16]byte

// Start loads the programs and lets them watch the disks.
func Start(disks []Disk) (*Tracker, error) {
	t := &Tracker{}
	coarseFirst := t.place(disks)
	slotBytes := roundUp(coarseFirst+coarseFirst/coarseBlocks, uint64(os.Getpagesize()))
	var err error
	if t.kernel, err = load(2 * slotBytes / 8); err != nil {
		return nil, err
	}
	if err = t.open(slotBytes, coarseFirst); err == nil {
		err = t.watch()
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// place gives each disk its granules; it returns how many there are in all.
func (t *Tracker) place(disks []Disk) uint64 {
	for t.shift = blockShift - sectorShift; ; t.shift++ {
		t.disks = nil
		at := uint64(0)
		for _, disk := range disks {
			granules := roundUp(uint64(disk.SizeBytes), 1<<(t.shift+sectorShift)) >> (t.shift + sectorShift)
			t.disks = append(t.disks, placed{disk, at, granules})
			at = roundUp(at+granules, coarseBlocks)
		}
		if at <= mostGranules {
			return at
		}
	}
}

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }

func (t *Tracker) open(slotBytes, coarseFirst uint64) (err error) {
	t.counts = t.kernel.table("disks")
	if t.page, err = t.kernel.table("control").mapped(os.Getpagesize()); err != nil {
		return err
	}
	if t.seen, err = t.kernel.table("seen").mapped(int(2 * slotBytes)); err != nil {
		return err
	}
	t.control = (*control)(unsafe.Pointer(&t.page[0]))
	t.control.slotBytes, t.control.coarseFirst = slotBytes, coarseFirst
	return t.openCounts()
}

func (t *Tracker) watch() error {
	for at := range t.disks {
		if err := t.watchDisk(uint32(at), t.disks[at]); err != nil {
			return err
		}
	}
	return nil
}

// watchDisk makes a disk known by its number last: only then anything is marked.
func (t *Tracker) watchDisk(index uint32, disk placed) error {
	value := diskValue{First: disk.first, Granules: disk.granules, Shift: t.shift}
	if err := t.counts.put(unsafe.Pointer(&index), unsafe.Pointer(&value)); err != nil {
		return err
	}
	for _, path := range disk.Paths {
		var name pathName
		copy(name[:len(name)-1], path)
		if err := t.kernel.table("paths").put(unsafe.Pointer(&name), unsafe.Pointer(&index)); err != nil {
			return err
		}
	}
	number := disk.Major<<20 | disk.Minor
	return t.kernel.table("numbers").put(unsafe.Pointer(&number), unsafe.Pointer(&index))
}

// Close takes the programs out of the kernel.
func (t *Tracker) Close() {
	for _, file := range t.programs {
		file.Close()
	}
	for _, at := range [][]byte{t.seen, t.page} {
		if at != nil {
			syscall.Munmap(at)
		}
	}
	t.kernel.close()
}
