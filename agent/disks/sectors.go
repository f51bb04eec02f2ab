package disks

import "strconv"

// SectorBytes is the least that a disk writes; the most that there is where it is not told.
func SectorBytes(sys Sys, name string) int64 {
	bytes, err := strconv.ParseInt(sys.Word("sys/block", name, "queue/logical_block_size"), 10, 64)
	if err != nil || bytes < 512 || bytes > 4096 {
		return 4096
	}
	return bytes
}
