package machine

import (
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

var (
	memoryBlock = regexp.MustCompile(`^memory\d+$`)
	processor   = regexp.MustCompile(`^cpu\d+$`)
)

// processors is how many the machine has that run.
func (r Root) processors() int {
	count := 0
	for _, name := range r.list("sys/devices/system/cpu") {
		// The first one cannot be turned off, and says nothing of it.
		if processor.MatchString(name) && r.word("sys/devices/system/cpu", name, "online") != "0" {
			count++
		}
	}
	if count == 0 {
		return runtime.NumCPU()
	}
	return count
}

// memoryBytes is what was put into the machine; where the kernel does not tell, what it uses of that.
func (r Root) memoryBytes() uint64 {
	const blocks = "sys/devices/system/memory"
	size, _ := strconv.ParseUint(r.word(blocks, "block_size_bytes"), 16, 64)
	var found uint64
	for _, name := range r.list(blocks) {
		if memoryBlock.MatchString(name) && r.word(blocks, name, "online") != "0" {
			found += size
		}
	}
	if found > 0 {
		return found
	}
	return r.usedBytes()
}

func (r Root) usedBytes() uint64 {
	for _, line := range r.lines("proc/meminfo") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
