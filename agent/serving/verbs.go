package serving

import (
	"errors"
	"fmt"
	"math"
	"time"

	"secondsite/agent/digests"
	"secondsite/agent/disks"
	"secondsite/agent/fencing"
	"secondsite/agent/machine"
	"secondsite/agent/restraint"
	"secondsite/agent/views"
)

type verb func(*views.Machine, Request) (interface{}, error)

var verbs = map[string]verb{
	"status":      func(m *views.Machine, _ Request) (interface{}, error) { return m.Status() },
	"disks":       func(m *views.Machine, _ Request) (interface{}, error) { return m.List() },
	"memory":      memory,
	"machine":     tellMachine,
	"open":        open,
	"close":       closeView,
	"acknowledge": func(m *views.Machine, r Request) (interface{}, error) { return nil, m.Acknowledge(r.Name) },
	"begin-scan":  func(m *views.Machine, r Request) (interface{}, error) { return nil, m.BeginScan(r.Base) },
	"unwritten":   func(m *views.Machine, r Request) (interface{}, error) { return m.Unwritten(r.Base) },
	"freeze":      freeze,
	"thaw":        thaw,
	"power-off":   func(m *views.Machine, r Request) (interface{}, error) { return nil, m.PowerOff(r.Name) },
	"shut-down":   func(m *views.Machine, _ Request) (interface{}, error) { return nil, m.Farewell.ShutDown() },
	"unfence":     unfence,
	"compare":     compare,
	"digests":     tellDigests,
	"end-scan":    endScan,
}

const mostSeconds = 86400

// unfence lets a machine work that its boot has kept from it; the agent dials anew then, and says so.
func unfence(*views.Machine, Request) (interface{}, error) {
	return nil, fencing.Here.Open()
}

func memory(*views.Machine, Request) (interface{}, error) {
	now, most := restraint.Resident()
	return map[string]uint64{"resident_bytes": now, "most_resident_bytes": most}, nil
}

// One teller for all conversations: it remembers what takes long to read.
var teller = machine.Here()

func tellMachine(m *views.Machine, _ Request) (interface{}, error) {
	told := teller.Tell(withAll(m))
	told.Looks.HooksLate = m.Hooks.Late()
	return told, nil
}

// withAll are the disks that are followed, and those that are refused.
func withAll(m *views.Machine) []*disks.Disk {
	found := append([]*disks.Disk{}, m.Disks...)
	known := map[string]bool{}
	for _, each := range found {
		known[each.Name] = true
	}
	for _, each := range disks.Find(m.Sys, nil) {
		if !known[each.Name] {
			if each.Refused == "" {
				each.Refused = "It came after the agent had started."
			}
			found = append(found, each)
		}
	}
	return found
}

// Opened is the answer to `open`.
type Opened struct {
	// Bitmap is the name of the context that tells what changed since the base.
	Bitmap string `json:"bitmap"`
	// Disks are the keys of what the view has; DirtyBlocks of each, in their order.
	Disks       []string       `json:"disks"`
	DirtyBlocks []int          `json:"dirty_blocks"`
	Instant     *views.Instant `json:"instant,omitempty"`
}

var errNoInstant = errors.New("no instant")

func open(m *views.Machine, r Request) (interface{}, error) {
	if r.Name == "" {
		return nil, fmt.Errorf("an instant needs a name")
	}
	if r.View == "frozen" {
		return openFrozen(m, r)
	}
	view, err := m.OpenLive(r.Base, r.Since, r.Name, r.Flushed)
	if err != nil {
		return nil, err
	}
	return opened(view, nil), nil
}

func openFrozen(m *views.Machine, r Request) (interface{}, error) {
	view, instant, err := frozen(m, r)
	if err != nil {
		return nil, err
	}
	if view == nil {
		return Opened{Instant: instant}, fmt.Errorf("%w: %s", errNoInstant, instant.Verdict.Reason)
	}
	return opened(view, instant), nil
}

func frozen(m *views.Machine, r Request) (*views.View, *views.Instant, error) {
	if r.Last {
		return m.OpenLast(r.Base, r.Since, r.Name, seconds(r.Seconds), seconds(r.Grace))
	}
	return m.OpenFrozen(r.Base, r.Since, r.Name, r.App)
}

// seconds is bounded, so that no number of a request overflows.
func seconds(number float64) time.Duration {
	if number < 0 || number > mostSeconds {
		return -1
	}
	return time.Duration(number * float64(time.Second))
}

func freeze(m *views.Machine, r Request) (interface{}, error) {
	return m.Freeze(r.Name, seconds(r.Seconds), r.App)
}

// thaw tells the verdict over the whole window; without a valid one there is no instant.
func thaw(m *views.Machine, r Request) (interface{}, error) {
	thawed, err := m.Thaw(r.Name)
	if r.StartServices {
		if failed := m.StartServices(); failed != nil {
			return thawed, failed
		}
		err = nil
	}
	if err != nil || thawed == nil {
		return nil, err
	}
	if thawed.Verdict != nil && !thawed.Verdict.Valid {
		return thawed, fmt.Errorf("%w: %s", errNoInstant, thawed.Verdict.Reason)
	}
	return thawed, nil
}

func opened(view *views.View, instant *views.Instant) Opened {
	answer := Opened{Bitmap: view.Name, Disks: view.Keys(), Instant: instant}
	for _, set := range view.Dirty {
		answer.DirtyBlocks = append(answer.DirtyBlocks, set.Count())
	}
	return answer
}

func closeView(m *views.Machine, _ Request) (interface{}, error) {
	m.CloseView()
	return nil, nil
}

func compare(m *views.Machine, r Request) (interface{}, error) {
	disk, err := m.Disk(r.Disk)
	if err != nil {
		return nil, err
	}
	const length = len(digests.Digest{})
	if len(r.Digests)%length != 0 || len(r.Digests) == 0 {
		return nil, fmt.Errorf("%d bytes are no digests", len(r.Digests))
	}
	expected := make([]digests.Digest, len(r.Digests)/length)
	for at := range expected {
		copy(expected[at][:], r.Digests[at*length:])
	}
	return m.Compare(views.Expected{
		Disk: disk, First: r.First, Digests: expected, Base: r.Base, Within: bounded(r.Seconds),
	})
}

func tellDigests(m *views.Machine, r Request) (interface{}, error) {
	disk, err := m.Disk(r.Disk)
	if err != nil {
		return nil, err
	}
	return m.Digests(disk, r.First, r.Count, bounded(r.Seconds))
}

// bounded is how long a reading may take; 0 is without bound.
func bounded(number float64) time.Duration {
	if number = math.Min(number, mostSeconds); number > 0 {
		return time.Duration(number * float64(time.Second))
	}
	return 0
}

func endScan(m *views.Machine, _ Request) (interface{}, error) {
	differing, err := m.EndScan()
	return map[string]int{"differing": differing}, err
}
