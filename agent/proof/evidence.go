package proof

// Evidence is what was counted up to an instant at which the file systems stood still.
type Evidence struct {
	Boot     string   `json:"boot"`
	Programs []uint64 `json:"programs"`
	Misses   []uint64 `json:"misses"`
	Disks    []Disk   `json:"disks"`
}

// Disk is what was counted for one disk since the programs were loaded.
type Disk struct {
	Key string `json:"key"`
	// Seen is the bytes that each copy of the program saw written.
	Seen [3]uint64 `json:"seen_bytes"`
	// Once is the bytes that any copy saw, where copies were skipped.
	Once uint64 `json:"once_bytes"`
	// Kernel is the kernel's own count of them.
	Kernel uint64 `json:"kernel_bytes"`
	// Passthrough counts requests whose place on the disk nobody knows, Outside those behind its end.
	Passthrough uint64 `json:"passthrough"`
	Outside     uint64 `json:"outside"`
	// Settled tells that no write was on its way as this was counted.
	Settled bool `json:"settled"`
}

// Window is what happened between freeze and thaw.
type Window struct {
	Disks []Stillness `json:"disks"`
	// Alarm is what the watchdog or the thaw said; empty if nothing.
	Alarm string `json:"alarm,omitempty"`
	// Unfrozen names file systems that know no freeze: that they stood still is told by the counters alone.
	Unfrozen []string `json:"unfrozen,omitempty"`
	Frozen   float64  `json:"frozen_seconds"`
}

// Stillness is the kernel's count of writes of one disk at both ends of the window, and how many blocks were marked
// within it outside of what may change then: swap, and the superblocks of md.
type Stillness struct {
	AtFreeze uint64 `json:"writes_at_freeze"`
	AtThaw   uint64 `json:"writes_at_thaw"`
	Strays   int    `json:"strays"`
}

// Verdict says whether the instant is valid.
type Verdict struct {
	Valid bool `json:"valid"`
	// Reason is a sentence if it is not.
	Reason string `json:"reason,omitempty"`
	// ScanDue tells that marks were lost: no later instant is valid before all disks were compared.
	ScanDue bool `json:"scan_due,omitempty"`
}
