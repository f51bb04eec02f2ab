package views

import (
	"time"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
)

// counted is the kernel's counters of all disks at the last view that marks were taken for.
type counted struct {
	name   string
	counts []disks.Counts
}

// Unwritten is whether the disks are as they were at an instant.
type Unwritten struct {
	Unwritten bool             `json:"unwritten"`
	Sizes     map[string]int64 `json:"sizes_bytes"`
}

// Unwritten compares the kernel's own counters with those at that view, if it is the last one, and says yes only if the
// marks are proven until now: then the disks are what the other side holds, and that is an instant. It freezes nothing.
// Who writes at its thaw (ext4 does, once) has written: a live view after it takes that along.
func (m *Machine) Unwritten(base string) (Unwritten, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	told := Unwritten{Sizes: map[string]int64{}}
	for _, disk := range m.Disks {
		told.Sizes[disk.Key] = disk.SizeBytes
	}
	if m.Finder.Find != nil && m.Finder.Signature() != m.signature {
		return told, nil
	}
	if m.valid == nil || m.valid.name != base || m.mayContinue(base) != nil {
		return told, nil
	}
	now, err := m.evidence()
	if err != nil || proof.Begins(now) != nil {
		return told, err
	}
	if verdict := proof.Judge(m.since, now, proof.Window{}); verdict.ScanDue {
		m.distrust = verdict.Reason
		return told, nil
	}
	told.Unwritten, err = m.isStill(m.valid.counts)
	return told, err
}

func (m *Machine) isStill(since []disks.Counts) (bool, error) {
	for at, disk := range m.Disks {
		counts, err := resting(disk)
		if err != nil {
			return false, err
		}
		if counts.Writes != since[at].Writes || counts.Bytes != since[at].Bytes || counts.Flying != 0 {
			return false, nil
		}
	}
	return true, nil
}

// takeCounted takes the marks of a live view; it notes the counters if nothing was written meanwhile.
func (m *Machine) takeCounted(name string) ([]*marks.Set, error) {
	m.valid = nil
	before := &counted{name, make([]disks.Counts, len(m.Disks))}
	flying := uint64(0)
	for at, disk := range m.Disks {
		counts, err := disk.Counts()
		if err != nil {
			return nil, err
		}
		before.counts[at] = counts
		flying += counts.Flying
	}
	taken, err := m.tracker.Take()
	if err != nil || flying > 0 {
		return taken, err
	}
	if still, err := m.isStill(before.counts); err != nil || !still {
		return taken, err
	}
	m.valid = before
	return taken, nil
}

// resting counts a disk while nothing is on its way, if there is such a moment: reads are on their way as well.
func resting(disk *disks.Disk) (counts disks.Counts, err error) {
	for try := 0; try < settleTries; try++ {
		if counts, err = disk.Counts(); err != nil || counts.Flying == 0 {
			break
		}
		time.Sleep(settlePause)
	}
	return counts, err
}
