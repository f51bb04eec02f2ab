package marks

import "fmt"

// Named is what was written to all disks up to the instant that has its name.
type Named struct {
	Name  string
	Disks []*Set
}

// MostPending bounds the sets that wait for `Acknowledge`; the oldest are merged, since only their union counts.
const MostPending = 16

// History is what was taken since the instant that was acknowledged last.
type History struct {
	acknowledged string
	pending      []Named
}

// Acknowledged is the instant that the other side has; empty if there is none.
func (h *History) Acknowledged() string { return h.acknowledged }

// Add notes what was taken at an instant. A name that waits already is refused; without a name it waits for the next.
func (h *History) Add(taken Named) error {
	if taken.Name != "" && (h.waits(taken.Name) >= 0 || taken.Name == h.acknowledged) {
		return fmt.Errorf("there is an instant %q already", taken.Name)
	}
	h.pending = append(h.pending, taken)
	if len(h.pending) > MostPending {
		h.mergeOldest()
	}
	return nil
}

// The union of two is known by the later name: who acknowledges the earlier one is refused, and sends both again.
func (h *History) mergeOldest() {
	for disk, set := range h.pending[0].Disks {
		h.pending[1].Disks[disk].Merge(set)
	}
	h.pending = h.pending[1:]
}

// Acknowledge drops what was written up to that instant: the other side has it.
func (h *History) Acknowledge(name string) error {
	if name == h.acknowledged && name != "" {
		return nil
	}
	at := h.waits(name)
	if at < 0 || name == "" {
		return fmt.Errorf("there is no instant %q", name)
	}
	h.acknowledged, h.pending = name, h.pending[at+1:]
	return nil
}

// Withdraw takes an instant's name away: it was none, and what was taken at it waits for the next one.
func (h *History) Withdraw(name string) {
	if at := h.waits(name); at >= 0 && name != "" {
		h.pending[at].Name = ""
	}
}

// Rearrange replaces the sets of all that waits: disks came, went, or grew. What is wholly unknown of them is `unknown`.
func (h *History) Rearrange(anew func([]*Set) []*Set, unknown []*Set) {
	for at := range h.pending {
		h.pending[at].Disks = anew(h.pending[at].Disks)
	}
	h.Add(Named{Disks: unknown})
}

// Restart forgets everything: the other side has `base`, or nothing if that is empty.
func (h *History) Restart(base string) { h.acknowledged, h.pending = base, nil }

// Union is what was written to one disk since the acknowledged instant.
func (h *History) Union(disk, blocks int) *Set { return union(h.pending, disk, blocks) }

// UnionSince is what was written to one disk since an instant that waits, or was acknowledged last.
func (h *History) UnionSince(since string, disk, blocks int) (*Set, error) {
	if since == h.acknowledged {
		return h.Union(disk, blocks), nil
	}
	at := h.waits(since)
	if at < 0 || since == "" {
		return nil, fmt.Errorf("there is no instant %q", since)
	}
	return union(h.pending[at+1:], disk, blocks), nil
}

func union(pending []Named, disk, blocks int) *Set {
	union := NewSet(blocks)
	for _, each := range pending {
		union.Merge(each.Disks[disk])
	}
	return union
}

func (h *History) waits(name string) int {
	for at, each := range h.pending {
		if each.Name == name {
			return at
		}
	}
	return -1
}
