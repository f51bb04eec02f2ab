package views

import (
	"fmt"

	"golang.org/x/sys/unix"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
	"secondsite/agent/services"
)

// Instant is how a frozen view came about.
type Instant struct {
	Verdict proof.Verdict  `json:"verdict"`
	Since   proof.Evidence `json:"since"`
	Now     proof.Evidence `json:"now"`
	Window  proof.Window   `json:"window"`
	// App is nil if applications were not asked to rest.
	App *App `json:"app,omitempty"`
	// Stopped is what became of the services; only of a last instant.
	Stopped *services.Stopped `json:"stopped,omitempty"`
}

// TooMuch says that more changed than may be read while the file systems stand still.
type TooMuch struct{ Bytes, Most int64 }

func (t *TooMuch) Error() string {
	return fmt.Sprintf("%d bytes changed, and %d may be read while the file systems stand still: open a live view first",
		t.Bytes, t.Most)
}

// OpenFrozen opens a view of one instant, with only what changed since the base, or since a later instant that the
// reader has read already. There is a view only if the verdict is valid; else the marks wait for the next one. With
// `app` the owner's hooks bring applications to rest before.
func (m *Machine) OpenFrozen(base, since, name string, app bool) (*View, *Instant, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if err := m.ready(base); err != nil {
		return nil, nil, err
	}
	if s := m.standing; s != nil {
		if s.instant != nil {
			return nil, nil, s.refusal()
		}
		view, instant, err := m.openFrozen(base, since, name)
		if instant != nil {
			instant.App = appOf(s.rest)
		}
		return view, instant, err
	}
	rest, err := m.rested(app)
	if err != nil {
		return nil, nil, err
	}
	view, instant, err := m.openFrozen(base, since, name)
	rest.Thaw()
	if instant != nil {
		instant.App = appOf(rest)
	}
	return view, instant, err
}

// ready follows what is there now, and says why there are no marks since that base.
func (m *Machine) ready(base string) error {
	if err := m.look(); err != nil {
		return err
	}
	return m.mayContinue(base)
}

func (m *Machine) openFrozen(base, since, name string) (*View, *Instant, error) {
	m.closeView()
	held, err := lockedBuffer(m.HeldBytes)
	if err != nil {
		return nil, nil, err
	}
	view := &View{Name: name, disks: m.Disks, held: held}
	instant, taken, err := m.capture(view, since)
	if err == nil && instant.Verdict.Valid {
		err = m.history.Add(marks.Named{Name: name, Disks: taken})
	}
	if err != nil || !instant.Verdict.Valid {
		view.close()
		m.carry(taken)
		return nil, instant, err
	}
	m.since, m.view = instant.Now, view
	m.valid = &counted{name, append([]disks.Counts{}, m.ended...)}
	if m.standing != nil {
		m.standing.instant, m.standing.opened = instant, name
	}
	return view, instant, nil
}

// capture reads the instant into the view; also what was taken, whatever failed.
func (m *Machine) capture(view *View, since string) (instant *Instant, taken []*marks.Set, err error) {
	instant = &Instant{Since: m.since}
	taken = m.emptySets()
	instant.Window, err = m.standstill(func() error {
		fresh, err := m.tracker.Take()
		if err != nil {
			m.distrust = "What was written could not be taken."
			return err
		}
		taken = fresh
		if m.standing != nil {
			m.standing.note(fresh)
		}
		if err := m.fill(view, since, fresh); err != nil {
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
func (m *Machine) fill(view *View, since string, taken []*marks.Set) (err error) {
	if view.Dirty, err = m.unions(since); err != nil {
		return err
	}
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
