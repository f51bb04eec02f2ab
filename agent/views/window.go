package views

import (
	"runtime"
	"time"

	"secondsite/agent/freezing"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
	"secondsite/agent/restraint"
)

// standstill freezes the file systems of the disks, lets `work` happen, and thaws them in any case. Where they stand
// still already it only works. An error is one of the freeze or of the work; what only spoils the instant stands in the
// window's alarm.
func (m *Machine) standstill(work func() error) (proof.Window, error) {
	if m.standing != nil {
		return m.standing.within(m, work)
	}
	keeper, freezer, err := m.readyToFreeze(m.Deadline)
	if err != nil {
		return proof.Window{}, err
	}
	defer keeper.Stop()
	defer freezer.Close()
	defer restraint.Quiet()()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return m.whileFrozen(keeper, freezer, work)
}

// readyToFreeze has a watchdog that is not armed, and file systems that are written out.
func (m *Machine) readyToFreeze(deadline time.Duration) (*freezing.Keeper, *freezing.Freezer, error) {
	systems := freezing.FileSystems(m.Sys, m.Disks)
	keeper, err := freezing.StartWatchdog(deadline, systems, m.Frozen)
	if err != nil {
		return nil, nil, err
	}
	freezer, err := freezing.Open(systems)
	if err != nil {
		keeper.Stop()
		return nil, nil, err
	}
	m.Seams.reach("opened")
	if err := freezer.Sync(); err != nil {
		keeper.Stop()
		freezer.Close()
		return nil, nil, err
	}
	m.Seams.reach("synced")
	return keeper, freezer, nil
}

func (m *Machine) whileFrozen(keeper *freezing.Keeper, freezer *freezing.Freezer, work func() error) (
	window proof.Window, err error) {
	window.Disks = make([]proof.Stillness, len(m.Disks))
	if err = keeper.Arm(); err != nil {
		return window, err
	}
	began := time.Now()
	if err = freezer.Freeze(); err == nil {
		window.Unfrozen = freezer.Unfrozen()
		err = m.watchWrites(window.Disks, work)
	}
	thawed := freezer.Thaw()
	window.Frozen = time.Since(began).Seconds()
	m.Seams.reach("thawed")
	window.Alarm = alarmOf(thawed, keeper.Disarm())
	return window, err
}

func alarmOf(failures ...error) (alarm string) {
	for _, failure := range failures {
		if failure != nil {
			alarm = "There is no instant: " + failure.Error() + "."
		}
	}
	return alarm
}

// watchWrites does the work between two counts of the disks' writes.
func (m *Machine) watchWrites(still []proof.Stillness, work func() error) error {
	m.Seams.reach("frozen")
	if err := m.countWrites(func(at int, writes uint64) { still[at].AtFreeze = writes }); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	m.Seams.reach("read")
	return m.stillness(still, nil)
}

func (m *Machine) countWrites(note func(at int, writes uint64)) error {
	for at, disk := range m.Disks {
		counts, err := disk.Counts()
		if err != nil {
			return err
		}
		m.ended[at] = counts
		note(at, counts.Writes)
	}
	return nil
}

// stillness counts the writes at the window's end; `marked` is what was taken within it, nil if nothing.
func (m *Machine) stillness(still []proof.Stillness, marked []*marks.Set) error {
	if err := m.countWrites(func(at int, writes uint64) { still[at].AtThaw = writes }); err != nil {
		return err
	}
	for _, each := range still {
		if each.AtThaw != each.AtFreeze {
			return m.findStrays(still, marked)
		}
	}
	return nil
}

// findStrays counts what was marked within the window where nothing may change.
func (m *Machine) findStrays(still []proof.Stillness, marked []*marks.Set) error {
	fresh, err := m.tracker.Peek()
	if err != nil {
		return err
	}
	mayChange := restless(m.Sys, m.Disks)
	for at := range m.Disks {
		if marked != nil {
			fresh[at].Merge(marked[at])
		}
		still[at].Strays = 0
		for block := fresh[at].Next(0); block >= 0; block = fresh[at].Next(block + 1) {
			if !mayChange[at].Has(block) {
				still[at].Strays++
			}
		}
		if fresh[at].Count() == 0 && still[at].AtFreeze != still[at].AtThaw {
			still[at].Strays = 1
		}
	}
	return nil
}
