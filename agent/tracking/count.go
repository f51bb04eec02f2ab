package tracking

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// Count is what the programs counted for one disk since they were loaded: bytes written, by each of the three copies,
// and once for all of them.
type Count struct {
	Bytes       [copies]uint64 `json:"bytes"`
	Once        uint64         `json:"once"`
	Passthrough uint64         `json:"passthrough"`
	Outside     uint64         `json:"outside"`
}

// Count reads the counters of a disk.
func (t *Tracker) Count(disk int) (Count, error) {
	var value diskValue
	index := uint32(disk)
	if err := t.counts.get(unsafe.Pointer(&index), unsafe.Pointer(&value)); err != nil {
		return Count{}, err
	}
	return Count{value.Bytes, value.Once, value.Passthrough, value.Outside}, nil
}

// Programs are the kernel's numbers of the programs: they change when they are loaded again.
func (t *Tracker) Programs() []uint64 { return t.each("prog_id:") }

// Misses is how often the kernel skipped a copy that was running already; always 0 before Linux 5.12.
func (t *Tracker) Misses() []uint64 { return t.each("recursion_misses:") }

func (t *Tracker) openCounts() error {
	for _, program := range t.kernel.programs {
		info, err := os.Open(fmt.Sprintf("/proc/self/fdinfo/%d", program))
		if err != nil {
			return err
		}
		t.programs = append(t.programs, info)
	}
	return nil
}

func (t *Tracker) each(word string) []uint64 {
	found := make([]uint64, copies)
	text := make([]byte, 1024)
	for at, info := range t.programs {
		n, _ := syscall.Pread(int(info.Fd()), text, 0)
		found[at] = number(string(text[:n]), word)
	}
	return found
}

func number(text, word string) uint64 {
	_, after, _ := strings.Cut(text, word)
	line, _, _ := strings.Cut(after, "\n")
	value, _ := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
	return value
}
