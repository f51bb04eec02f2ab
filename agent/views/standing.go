package views

import (
	"fmt"
	"time"

	"secondsite/agent/freezing"
	"secondsite/agent/hooks"
	"secondsite/agent/marks"
	"secondsite/agent/proof"
	"secondsite/agent/restraint"
)

// standing is file systems that stay frozen between two verbs.
type standing struct {
	name    string
	last    bool
	keeper  *freezing.Keeper
	freezer *freezing.Freezer
	window  proof.Window
	// marked is what was taken since the freeze: nothing, if nobody writes.
	marked  []*marks.Set
	instant *Instant
	opened  string
	rest    *hooks.Rest
	release func()
	began   time.Time
	until   time.Time
	limit   *time.Timer
	// ending is that the machine is being switched off: nothing thaws any more.
	ending bool
}

// The agent thaws by itself, and counts once more; its watchdog thaws if the agent does not.
const watchdogWaits = time.Second

// Standing is what is told of file systems that stay frozen.
type Standing struct {
	Name string `json:"name"`
	Last bool   `json:"last,omitempty"`
	// Frozen and Left are seconds since the freeze, and until the agent thaws by itself.
	Frozen float64 `json:"frozen_seconds"`
	Left   float64 `json:"left_seconds"`
}

func (s *standing) told() *Standing {
	if s == nil {
		return nil
	}
	return &Standing{s.name, s.last, time.Since(s.began).Seconds(), time.Until(s.until).Seconds()}
}

// Freeze stops the file systems until Thaw, or until the time is over: at most as long as the owner allows.
func (m *Machine) Freeze(name string, limit time.Duration, app bool) (*Standing, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	switch {
	case name == "" || limit <= 0:
		return nil, fmt.Errorf("a freeze needs a name, and seconds after which it ends")
	case m.standing != nil && m.standing.name == name && !m.standing.last:
		return m.standing.told(), nil
	case m.standing != nil:
		return nil, m.standing.refusal()
	}
	if limit > m.Deadline {
		limit = m.Deadline
	}
	if err := m.look(); err != nil {
		return nil, err
	}
	rest, err := m.rested(app)
	if err != nil {
		return nil, err
	}
	if err := m.stand(name, limit); err != nil {
		rest.Thaw()
		return nil, err
	}
	m.standing.rest = rest
	return m.standing.told(), nil
}

func (s *standing) refusal() error {
	return fmt.Errorf("the file systems are frozen for %q: thaw them first", s.name)
}

// stand freezes, and leaves it so.
func (m *Machine) stand(name string, limit time.Duration) error {
	m.closeView()
	keeper, freezer, err := m.readyToFreeze(limit + watchdogWaits)
	if err != nil {
		return err
	}
	s := &standing{name: name, keeper: keeper, freezer: freezer, marked: m.emptySets()}
	s.window.Disks = make([]proof.Stillness, len(m.Disks))
	if s.release, err = restraint.Keep(); err == nil {
		err = m.begin(s)
	}
	if err != nil {
		s.letGo()
		return err
	}
	s.until = s.began.Add(limit)
	s.limit = time.AfterFunc(limit, func() { m.timeIsOver(s) })
	m.standing, m.thawed = s, nil
	return nil
}

// begin takes what was marked before the freeze, so that what is marked from now on was written within it.
func (m *Machine) begin(s *standing) error {
	if err := s.keeper.Arm(); err != nil {
		return err
	}
	s.began = time.Now()
	if err := s.freezer.Freeze(); err != nil {
		return err
	}
	s.window.Unfrozen = s.freezer.Unfrozen()
	m.Seams.reach("standing")
	taken, err := m.tracker.Take()
	if err != nil {
		return err
	}
	m.carry(taken)
	return m.countWrites(func(at int, writes uint64) { s.window.Disks[at].AtFreeze = writes })
}

// IsStill tells whether file systems stay frozen until a thaw: whoever writes a file now waits for that.
func (m *Machine) IsStill() bool {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.standing != nil
}

// Hurries tells whether the machine stands still, or its services are stopped. It waits for no verb: whoever dials again
// must not stand behind the one during which the line was lost.
func (m *Machine) Hurries() bool {
	if !m.lock.TryLock() {
		return true
	}
	defer m.lock.Unlock()
	return m.standing != nil || m.Farewell.AreStopped()
}

// letGo thaws; what it says is why the window is of no instant.
func (s *standing) letGo() string {
	thawed := s.freezer.Thaw()
	alarm := alarmOf(thawed, s.keeper.Disarm())
	s.keeper.Stop()
	s.freezer.Close()
	if s.limit != nil {
		s.limit.Stop()
	}
	if s.release != nil {
		s.release()
	}
	return alarm
}

func (s *standing) note(taken []*marks.Set) {
	for at, set := range taken {
		s.marked[at].Merge(set)
	}
}

// within works in the window that is open; its numbers are those from its beginning until now.
func (s *standing) within(m *Machine, work func() error) (proof.Window, error) {
	window := s.window
	window.Disks = append([]proof.Stillness{}, s.window.Disks...)
	m.Seams.reach("frozen")
	err := work()
	m.Seams.reach("read")
	if err == nil {
		err = m.stillness(window.Disks, s.marked)
	}
	window.Frozen = time.Since(s.began).Seconds()
	return window, err
}

// Thawed is how a time of frozen file systems ended.
type Thawed struct {
	Name   string       `json:"name"`
	Window proof.Window `json:"window"`
	// Verdict is that of the view that was opened in it, over the whole window; nil without one.
	Verdict *proof.Verdict `json:"verdict,omitempty"`
	// App is whether applications rested all the time; nil if they were not asked.
	App *App `json:"app,omitempty"`
}

// Thaw ends it, and judges the view that was opened in it once more. The answer is kept for who asks again.
func (m *Machine) Thaw(name string) (*Thawed, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.standing != nil && m.standing.name == name {
		if m.standing.ending {
			return nil, fmt.Errorf("the machine is being switched off")
		}
		return m.thaw(""), nil
	}
	if m.thawed != nil && m.thawed.Name == name {
		return m.thawed, nil
	}
	return nil, fmt.Errorf("no file systems are frozen for %q", name)
}

func (m *Machine) timeIsOver(s *standing) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.standing != s || s.ending {
		return
	}
	if s.last && s.opened != "" && m.history.Acknowledged() == s.opened && s.keeper.Prolong() == nil {
		// The other side has everything, and may have started the machine: this one must not work on.
		s.ending = true
		time.AfterFunc(0, m.end)
		return
	}
	alarm := "There is no instant: the time for which the file systems were to stand still was over."
	if s.last {
		alarm = ""
	}
	m.thaw(alarm)
	if s.last {
		m.resume()
	}
}

// thaw lets the services wait for the time that was left: who tries once more need not stop them again.
func (m *Machine) thaw(alarm string) *Thawed {
	s := m.standing
	counted := m.stillness(s.window.Disks, s.marked)
	s.window.Alarm = s.letGo()
	s.window.Frozen = time.Since(s.began).Seconds()
	m.standing = nil
	if counted != nil {
		alarm = alarmOf(counted)
	}
	if s.window.Alarm == "" {
		s.window.Alarm = alarm
	}
	if s.last {
		m.resumeAfter(time.Until(s.until) + time.Second)
	}
	s.rest.Thaw()
	m.thawed = &Thawed{Name: s.name, Window: s.window, App: appOf(s.rest)}
	if s.instant != nil {
		verdict := proof.Judge(s.instant.Since, s.instant.Now, s.window)
		m.thawed.Verdict = &verdict
		if !verdict.Valid {
			m.withdraw(s.opened)
		}
	}
	return m.thawed
}

// withdraw makes an instant none: its marks wait for the next one.
func (m *Machine) withdraw(name string) {
	m.history.Withdraw(name)
	if m.view != nil && m.view.Name == name {
		m.closeView()
	}
	m.valid = nil
}
