package views

import (
	"time"

	"secondsite/agent/proof"
)

const (
	settleTries = 200
	settlePause = 200 * time.Microsecond
)

// evidence counts everything; called while the file systems stand still.
func (m *Machine) evidence() (proof.Evidence, error) {
	found := proof.Evidence{Boot: m.boot, Programs: m.tracker.Programs(), Misses: m.tracker.Misses()}
	for at := range m.Disks {
		disk, err := m.settled(at)
		if err != nil {
			return found, err
		}
		found.Disks = append(found.Disks, disk)
	}
	return found, nil
}

// settled counts a disk at an instant at which no write was on its way: then both counts must be the same. The hook
// is counted between two equal counts of the kernel.
func (m *Machine) settled(at int) (proof.Disk, error) {
	found := proof.Disk{Key: m.Disks[at].Key}
	for try := 0; try < settleTries && !found.Settled; try++ {
		if try > 0 {
			time.Sleep(settlePause)
		}
		before, err := m.Disks[at].Counts()
		if err != nil {
			return found, err
		}
		count, err := m.tracker.Count(at)
		if err != nil {
			return found, err
		}
		after, err := m.Disks[at].Counts()
		if err != nil {
			return found, err
		}
		found.Seen, found.Once = count.Bytes, count.Once
		found.Passthrough, found.Outside = count.Passthrough, count.Outside
		found.Kernel = after.Bytes
		found.Settled = before == after && after.Flying == 0
	}
	return found, nil
}
