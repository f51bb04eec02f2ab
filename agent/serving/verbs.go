package serving

import (
	"errors"
	"fmt"

	"secondsite/agent/digests"
	"secondsite/agent/restraint"
	"secondsite/agent/views"
)

type verb func(*views.Machine, Request) (interface{}, error)

var verbs = map[string]verb{
	"status":      func(m *views.Machine, _ Request) (interface{}, error) { return m.Status() },
	"disks":       func(m *views.Machine, _ Request) (interface{}, error) { return m.Disks, nil },
	"memory":      memory,
	"open":        open,
	"close":       closeView,
	"acknowledge": func(m *views.Machine, r Request) (interface{}, error) { return nil, m.Acknowledge(r.Name) },
	"begin-scan":  func(m *views.Machine, r Request) (interface{}, error) { return nil, m.BeginScan(r.Base) },
	"compare":     compare,
	"end-scan":    endScan,
}

func memory(*views.Machine, Request) (interface{}, error) {
	now, most := restraint.Resident()
	return map[string]uint64{"resident_bytes": now, "most_resident_bytes": most}, nil
}

// Opened is the answer to `open`.
type Opened struct {
	// Bitmap is the name of the context that tells what changed since the base.
	Bitmap      string         `json:"bitmap"`
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
	view, err := m.OpenLive(r.Base, r.Name, r.Flushed)
	if err != nil {
		return nil, err
	}
	return opened(view, nil), nil
}

func openFrozen(m *views.Machine, r Request) (interface{}, error) {
	view, instant, err := m.OpenFrozen(r.Base, r.Name)
	if err != nil {
		return nil, err
	}
	if view == nil {
		return Opened{Instant: instant}, fmt.Errorf("%w: %s", errNoInstant, instant.Verdict.Reason)
	}
	return opened(view, instant), nil
}

func opened(view *views.View, instant *views.Instant) Opened {
	answer := Opened{Bitmap: view.Name, Instant: instant}
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
	return m.Compare(disk, r.First, expected)
}

func endScan(m *views.Machine, _ Request) (interface{}, error) {
	differing, err := m.EndScan()
	return map[string]int{"differing": differing}, err
}
