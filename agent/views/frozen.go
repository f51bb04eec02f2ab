package views

import (
	"fmt"

	"golang.org/x/sys/unix"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
)

// Instant is how a frozen view came about.
type Instant struct {
	Verdict proof.Verdict  `json:"verdict"`
	Since   proof.Evidence `json:"since"`
	Now     proof.Evidence `json:"now"`
	Window  proof.Window   `json:"window"`
}

// TooMuch says that more changed than may be read while the file systems stand still.
type TooMuch struct{ Bytes, Most int64 }

func (t *TooMuch) Error() string {
	return fmt.Sprintf("%d bytes changed, and %d may be read while the file systems stand still: open a live view first",
		t.Bytes, t.Most)
}

// OpenFrozen opens a view of one instant, with only what changed since the base. There is a view only if the verdict
// is valid; else the marks wait for the next one.
func (m *Machine) OpenFrozen(base, name string) (*View, *Instant, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.closeView()
	if err := m.mayContinue(base); err != nil {
		return nil, nil, err
	}
	held, err := lockedBuffer(m.HeldBytes)
	if err != nil {
		return nil, nil, err
	}
	view := &View{Name: name, disks: m.Disks, held: held}
	instant, taken, err := m.capture(view)
	if err == nil && instant.Verdict.Valid {
		err = m.history.Add(marks.Named{Name: name, Disks: taken})
	}
	if err != nil || !instant.Verdict.Valid {
		view.close()
		m.carry(taken)
		return nil, instant, err
	}
	m.since, m.view = instant.Now, view
	return view, instant, nil
}

// capture reads the instant into the view; also what was taken, whatever failed.
func (m *Machine) capture(view *View) (instant *Instant, taken []*marks.Set, err error) {
	instant = &Instant{Since: m.since}
	taken = m.emptySets()
	instant.Window, err = m.standstill(func() error {
		fresh, err := m.tracker.Take()
		if err != nil {
			m.distrust = "What was written could not be taken."
			return err
		}
		taken = fresh
		if err := m.fill(view, fresh); err != nil {
			return err
		}
		instant.Now, err = m.evidence()
		return err
	})
	if err != nil {
		return instant, taken, err
	}
	instant.Verdict = proof.Judge(instant.Since, instant.Now, instant.Window)
	if instant.Verdict.ScanDue {
		m.distrust = instant.Verdict.Reason
	}
	return instant, taken, nil
}

// fill reads what is dirty.
func (m *Machine) fill(view *View, taken []*marks.Set) error {
	view.Dirty = m.unions()
	changed := 0
	for at, set := range view.Dirty {
		set.Merge(taken[at])
		view.starts = append(view.starts, changed*marks.BlockBytes)
		changed += set.Count()
	}
	if bytes := int64(changed) * marks.BlockBytes; bytes > m.HeldBytes {
		return &TooMuch{bytes, m.HeldBytes}
	}
	for at, set := range view.Dirty {
		if err := m.fillDisk(view, at, set); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) fillDisk(view *View, at int, set *marks.Set) error {
	place, disk := view.starts[at], m.Disks[at]
	for block := set.Next(0); block >= 0; {
		_, end := set.Run(block)
		from, to := int64(block)*marks.BlockBytes, int64(end)*marks.BlockBytes
		length := to - from
		if to > disk.SizeBytes {
			length = disk.SizeBytes - from
		}
		if err := disk.ReadAt(view.held[place:place+int(length)], from); err != nil {
			return err
		}
		place += (end - block) * marks.BlockBytes
		block = set.Next(end)
	}
	return nil
}

func (m *Machine) emptySets() []*marks.Set {
	sets := make([]*marks.Set, len(m.Disks))
	for at, disk := range m.Disks {
		sets[at] = marks.NewSet(marks.Blocks(disk.SizeBytes))
	}
	return sets
}

// lockedBuffer is in memory before the file systems stand still: a page that is wanted then might have to be made by
// writing another one out.
func lockedBuffer(length int64) ([]byte, error) {
	buffer, err := disks.Buffer(int(length))
	if err != nil {
		return nil, err
	}
	if err := unix.Mlock(buffer); err != nil {
		disks.FreeBuffer(buffer)
		return nil, fmt.Errorf("%d bytes of memory cannot be kept: %w", length, err)
	}
	return buffer, nil
}
