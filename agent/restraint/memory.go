package restraint

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	heapBytes   = 24 << 20
	heapPercent = 50
	// Pages are locked once they are used: locking all that the runtime reserves would take memory that is never used.
	lockOnFault = 4
	neverKilled = "-1000"
	ownScore    = "/proc/self/oom_score_adj"
)

// Modest bounds the heap of this process.
func Modest() {
	debug.SetGCPercent(heapPercent)
	debug.SetMemoryLimit(heapBytes)
}

// Score is how soon a process is killed when there is no memory, as the kernel writes it.
type Score []byte

// NotKilled keeps this process from it; the score that it had before is returned.
func NotKilled() Score {
	before, _ := os.ReadFile(ownScore)
	os.WriteFile(ownScore, []byte(neverKilled), 0)
	return before
}

// Give gives it to another process, which inherited that of this one.
func (s Score) Give(pid int) { os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), s, 0) }

// StayAlive keeps this process in memory, and from being killed when there is none.
func StayAlive() error {
	NotKilled()
	return unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | lockOnFault)
}

// Keep holds all memory of this process until the function that it returns is called, for as long as file systems stay
// frozen between two verbs: the collector runs then.
func Keep() (func(), error) {
	before, _ := os.ReadFile(ownScore)
	if err := StayAlive(); err != nil {
		return nil, fmt.Errorf("the agent cannot stay in memory: %w", err)
	}
	return func() {
		unix.Munlockall()
		os.WriteFile(ownScore, before, 0)
	}, nil
}

// Quiet stops the collector until the function that it returns is called: while file systems are frozen.
func Quiet() func() {
	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(1 << 40)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// Resident is the memory of this process in bytes, now and at most.
func Resident() (now, most uint64) {
	text, _ := os.ReadFile("/proc/self/status")
	return kilobytes(string(text), "VmRSS:"), kilobytes(string(text), "VmHWM:")
}

func kilobytes(text, word string) (bytes uint64) {
	_, after, _ := strings.Cut(text, word)
	fmt.Sscan(after, &bytes)
	return bytes << 10
}
