package views

import (
	"fmt"
	"time"

	"secondsite/agent/proof"
	"secondsite/agent/services"
)

// Farewell is what the machine does at a planned failover beside holding still.
type Farewell interface {
	// Stop ends what works here; Start lets it work again, and AreStopped tells whether there is something to start.
	Stop(grace time.Duration) services.Stopped
	Start() error
	AreStopped() bool
	// PowerOff switches the machine off at once, ShutDown in order.
	PowerOff() error
	ShutDown() error
	// MaySwitchOff tells whether the machine may be switched off: not in a trial.
	MaySwitchOff() bool
}

var _ Farewell = services.Here{}

const (
	longestLast  = time.Hour
	longestGrace = 10 * time.Minute
	answered     = 300 * time.Millisecond
)

// OpenLast is OpenFrozen before the machine is switched off: it stops the services, and the file systems stay frozen
// until PowerOff or Thaw. After the limit it thaws and starts the services by itself, whatever failed; or it switches
// the machine off, if the instant was acknowledged. Called again with
// the same name it gives the same view.
func (m *Machine) OpenLast(base, since, name string, limit, grace time.Duration) (*View, *Instant, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if s := m.standing; s != nil && s.last && s.opened == name && m.view != nil {
		return m.view, s.instant, nil
	}
	switch {
	case m.standing != nil:
		return nil, nil, m.standing.refusal()
	case limit <= 0 || limit > longestLast || grace <= 0 || grace > longestGrace:
		return nil, nil, fmt.Errorf("the last instant needs seconds after which it is given up, at most %.0f, "+
			"and a grace for the services, at most %.0f", longestLast.Seconds(), longestGrace.Seconds())
	}
	if err := m.ready(base); err != nil {
		return nil, nil, err
	}
	stopped := m.Farewell.Stop(grace)
	m.resumeAfter(limit)
	view, instant, err := m.openStanding(base, since, name, limit)
	if instant != nil {
		instant.Stopped = &stopped
	}
	return view, instant, err
}

// openStanding opens the view and leaves the file systems frozen if it is valid.
func (m *Machine) openStanding(base, since, name string, limit time.Duration) (*View, *Instant, error) {
	if err := m.stand(name, limit); err != nil {
		return nil, nil, err
	}
	m.standing.last = true
	view, instant, err := m.openFrozen(base, since, name)
	if view == nil {
		m.thaw("")
	}
	return view, instant, err
}

// resumeAfter starts the services again when the time is over, unless something is frozen then: that has its own limit.
func (m *Machine) resumeAfter(limit time.Duration) {
	if m.resumption != nil {
		m.resumption.Stop()
	}
	m.resumption = time.AfterFunc(limit, func() {
		m.lock.Lock()
		defer m.lock.Unlock()
		if m.standing == nil {
			m.resume()
		}
	})
}

func (m *Machine) resume() error {
	if m.resumption != nil {
		m.resumption.Stop()
		m.resumption = nil
	}
	return m.Farewell.Start()
}

// StartServices starts what OpenLast stopped; the file systems must be thawed.
func (m *Machine) StartServices() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.standing != nil {
		return m.standing.refusal()
	}
	return m.resume()
}

// PowerOff switches the machine off, if nothing was written since that last instant, and the other side has it. The
// watchdog begins its time anew, so that nothing thaws between this look and the end.
func (m *Machine) PowerOff(name string) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	s := m.standing
	switch {
	case s == nil || !s.last || s.opened != name:
		return fmt.Errorf("the file systems are not frozen for a last instant %q: open it first", name)
	case m.history.Acknowledged() != name:
		return fmt.Errorf("nobody said that the other side has %q: acknowledge it first", name)
	}
	if err := s.keeper.Prolong(); err != nil {
		return err
	}
	still := append([]proof.Stillness{}, s.window.Disks...)
	if err := m.stillness(still, s.marked); err != nil {
		return err
	}
	for at, each := range still {
		if each.Strays > 0 {
			return fmt.Errorf("disk %s was written since the last instant: thaw, and open another one", m.Disks[at].Key)
		}
	}
	s.ending = true
	time.AfterFunc(answered, func() { m.end() })
	return nil
}

// end does not return, unless the kernel refuses: then the machine goes on, unless its last changes have arrived.
func (m *Machine) end() {
	m.Farewell.PowerOff()
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.leaves() {
		return
	}
	if m.standing != nil {
		m.thaw("")
	}
	m.resume()
}
