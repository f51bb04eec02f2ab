package views

import (
	"errors"
	"fmt"
	"time"

	"secondsite/agent/marks"
	"secondsite/agent/proof"
)

// scan is a comparison of all disks that is under way.
type scan struct {
	base            string
	compared, found []*marks.Set
}

const (
	beginTries = 10
	beginPause = 300 * time.Millisecond
)

// beginAnew lets marks count from now on, from an instant at which nothing was on its way.
func (m *Machine) beginAnew(base string) error {
	m.valid = nil
	m.distrust, m.scan = "The disks were not compared to their end.", nil
	now, err := m.count()
	for try := 1; try < beginTries && err != nil; try++ {
		time.Sleep(beginPause)
		now, err = m.count()
	}
	if err != nil {
		return err
	}
	m.since = now
	m.history.Restart(base)
	return nil
}

// count forgets all marks and counts everything while the file systems stand still. What they discard in the background
// goes on then (btrfs), and raw writers do: it may need a second try.
func (m *Machine) count() (now proof.Evidence, err error) {
	window, err := m.standstill(func() (err error) {
		if _, err = m.tracker.Take(); err == nil {
			now, err = m.evidence()
		}
		return err
	})
	if err == nil && window.Alarm != "" {
		err = errors.New(window.Alarm)
	}
	if err == nil {
		err = proof.Begins(now)
	}
	return now, err
}

// BeginScan begins to compare all disks with what the other side holds as `base`.
func (m *Machine) BeginScan(base string) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.standing != nil {
		return m.standing.refusal()
	}
	m.closeView()
	if err := m.look(); err != nil {
		return err
	}
	if m.untracked != "" {
		return &Untracked{m.untracked}
	}
	if base == "" {
		return fmt.Errorf("a scan needs the name of what it compares with")
	}
	if err := m.beginAnew(base); err != nil {
		return err
	}
	m.scan = &scan{base, m.emptySets(), m.emptySets()}
	return nil
}

// EndScan makes that the base, if every block was compared: what differs is in the next view.
func (m *Machine) EndScan() (differing int, err error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.scan == nil {
		return 0, fmt.Errorf("no scan is under way")
	}
	for at, disk := range m.Disks {
		if left := m.scan.compared[at].Blocks() - m.scan.compared[at].Count(); left > 0 {
			return 0, fmt.Errorf("%d blocks of disk %s were not compared", left, disk.Key)
		}
		differing += m.scan.found[at].Count()
	}
	m.carry(m.scan.found)
	m.scan, m.distrust = nil, ""
	return differing, nil
}
