package disks

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const deepest = 16

// Below returns the names of the disks that a block device, by its number as in `8:1`, stands on: through partitions,
// LVM, md, encryption and loop devices. A loop device that is a disk itself is where this ends.
func Below(sys Sys, number string, found []*Disk) []string {
	return below(sys, number, found, deepest)
}

func below(sys Sys, number string, found []*Disk, depth int) []string {
	device := sys.linked("sys/dev/block", number)
	if device == "" || depth == 0 {
		return nil
	}
	name := filepath.Base(device)
	if sys.exists("sys/dev/block", number, "partition") {
		name = filepath.Base(filepath.Dir(device))
	}
	for _, disk := range found {
		if disk.Name == name {
			return []string{name}
		}
	}
	var disks []string
	for _, next := range standsOn(sys, name) {
		disks = append(disks, below(sys, next, found, depth-1)...)
	}
	return disks
}

// standsOn returns the numbers of what a device is made of.
func standsOn(sys Sys, name string) []string {
	var numbers []string
	for _, slave := range sys.list("sys/block", name, "slaves") {
		numbers = append(numbers, sys.Word("sys/class/block", slave, "dev"))
	}
	if file := sys.Word("sys/block", name, "loop/backing_file"); file != "" {
		var stat syscall.Stat_t
		if syscall.Stat(file, &stat) == nil {
			numbers = append(numbers, Number(stat.Dev))
		}
	}
	return numbers
}

// Number writes a device number as the kernel does.
func Number(device uint64) string {
	return fmt.Sprintf("%d:%d", unix.Major(device), unix.Minor(device))
}

// Members returns the numbers of all devices of the btrfs file system that `source` is one of.
func Members(sys Sys, source string) []string {
	name := filepath.Base(source)
	if to := sys.linked(source); to != "" {
		name = filepath.Base(to)
	}
	for _, id := range sys.list("sys/fs/btrfs") {
		devices := sys.list("sys/fs/btrfs", id, "devices")
		if !contains(devices, name) {
			continue
		}
		for at, device := range devices {
			devices[at] = sys.Word("sys/fs/btrfs", id, "devices", device, "dev")
		}
		return devices
	}
	return []string{sys.Word("sys/class/block", strings.TrimPrefix(name, "/"), "dev")}
}
