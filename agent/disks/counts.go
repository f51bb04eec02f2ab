package disks

import (
	"fmt"
	"syscall"
)

// Counts is what the kernel counted for a disk since it came: requests that write, discard or zero, and their bytes.
type Counts struct {
	Writes uint64 `json:"writes"`
	Bytes  uint64 `json:"bytes"`
	Flying uint64 `json:"flying"`
}

const (
	statWrites, statWriteSectors     = 4, 6
	statFlying                       = 8
	statDiscards, statDiscardSectors = 11, 13
	statFields                       = 17
)

// Counts reads the kernel's counters; it allocates nothing, so that it can be asked while file systems are frozen.
func (d *Disk) Counts() (Counts, error) {
	var text [256]byte
	n, err := syscall.Pread(int(d.stat.Fd()), text[:], 0)
	if err != nil {
		return Counts{}, fmt.Errorf("the counters of disk %s cannot be read: %w", d.Key, err)
	}
	fields := numbers(text[:n])
	return Counts{
		fields[statWrites] + fields[statDiscards],
		(fields[statWriteSectors] + fields[statDiscardSectors]) << 9,
		fields[statFlying],
	}, nil
}

func numbers(text []byte) (fields [statFields]uint64) {
	at, inside := -1, false
	for _, c := range text {
		if c < '0' || c > '9' {
			inside = false
			continue
		}
		if !inside {
			at, inside = at+1, true
		}
		if at < statFields {
			fields[at] = fields[at]*10 + uint64(c-'0')
		}
	}
	return fields
}
