package views

import (
	"runtime"
	"time"

	"secondsite/agent/freezing"
	"secondsite/agent/proof"
	"secondsite/agent/restraint"
)

// standstill freezes the file systems of the disks, lets `work` happen, and thaws them in any case. An error is one of
// the freeze or of the work; what only spoils the instant stands in the window's alarm.
func (m *Machine) standstill(work func() error) (proof.Window, error) {
	systems := freezing.FileSystems(m.Sys, m.Disks)
	keeper, err := freezing.StartWatchdog(m.Deadline, systems)
	if err != nil {
		return proof.Window{}, err
	}
	defer keeper.Stop()
	freezer, err := freezing.Open(systems)
	if err != nil {
		return proof.Window{}, err
	}
	defer freezer.Close()
	m.Seams.reach("opened")
	if err := freezer.Sync(); err != nil {
		return proof.Window{}, err
	}
	defer restraint.Quiet()()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return m.whileFrozen(keeper, freezer, work)
}

func (m *Machine) whileFrozen(keeper *freezing.Keeper, freezer *freezing.Freezer, work func() error) (
	window proof.Window, err error) {
	window.Disks = make([]proof.Stillness, len(m.Disks))
	m.Seams.reach("synced")
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
	for _, alarm := range []error{thawed, keeper.Disarm()} {
		if alarm != nil {
			window.Alarm = "There is no instant: " + alarm.Error() + "."
		}
	}
	return window, err
}

// watchWrites does the work between two counts of the disks' writes.
func (m *Machine) watchWrites(still []proof.Stillness, work func() error) error {
	m.Seams.reach("frozen")
	for at, disk := range m.Disks {
		counts, err := disk.Counts()
		if err != nil {
			return err
		}
		still[at].AtFreeze = counts.Writes
	}
	if err := work(); err != nil {
		return err
	}
	m.Seams.reach("read")
	moved := false
	for at, disk := range m.Disks {
		counts, err := disk.Counts()
		if err != nil {
			return err
		}
		still[at].AtThaw = counts.Writes
		moved = moved || still[at].AtThaw != still[at].AtFreeze
	}
	if moved {
		return m.findStrays(still)
	}
	return nil
}

// findStrays counts what was marked within the window where nothing may change.
func (m *Machine) findStrays(still []proof.Stillness) error {
	marked, err := m.tracker.Peek()
	if err != nil {
		return err
	}
	for at, disk := range m.Disks {
		mayChange := restless(m.Sys, disk)
		for block := marked[at].Next(0); block >= 0; block = marked[at].Next(block + 1) {
			if !mayChange.Has(block) {
				still[at].Strays++
			}
		}
		if marked[at].Count() == 0 && still[at].AtFreeze != still[at].AtThaw {
			still[at].Strays = 1
		}
	}
	return nil
}
