package proof

import "fmt"

// Judge decides about the instant `now`; `since` is the last one whose marks are known to be complete.
func Judge(since, now Evidence, window Window) Verdict {
	if reason := marksLost(since, now); reason != "" {
		return Verdict{Reason: reason, ScanDue: true}
	}
	if reason := moved(now, window); reason != "" {
		return Verdict{Reason: reason}
	}
	return Verdict{Valid: true}
}

// Begins says why counting cannot begin with this evidence; nil if it can.
func Begins(now Evidence) error {
	for _, disk := range now.Disks {
		if !disk.Settled {
			return fmt.Errorf("disk %s is written all the time past its file systems: try again", disk.Key)
		}
	}
	return nil
}

// marksLost says why the marks between the two may lack something.
func marksLost(since, now Evidence) string {
	switch {
	case since.Boot == "" || since.Boot != now.Boot:
		return "The machine was started anew since the last point."
	case !equal(since.Programs, now.Programs):
		return "The tracking programs were loaded anew since the last point."
	case len(since.Disks) != len(now.Disks):
		return "Disks came or went since the last point."
	}
	for at := range now.Disks {
		if reason := diskLost(since.Disks[at], now.Disks[at], !equal(since.Misses, now.Misses)); reason != "" {
			return reason
		}
	}
	return ""
}

// diskLost: only where copies were `skipped` their common count tells more than that of each.
func diskLost(since, now Disk, skipped bool) string {
	switch {
	case since.Key != now.Key:
		return fmt.Sprintf("Disk %s is not the one of the last point, %s.", now.Key, since.Key)
	case !since.Settled:
		return fmt.Sprintf("Disk %s was written while the counting began.", now.Key)
	case since.Passthrough != now.Passthrough:
		return fmt.Sprintf("A program wrote to disk %s by commands that cannot be followed.", now.Key)
	case since.Outside != now.Outside:
		return fmt.Sprintf("Disk %s was written behind the end that it had.", now.Key)
	case !now.Settled:
		return ""
	}
	kernel, seen := now.Kernel-since.Kernel, mostSeen(since, now)
	if kernel != seen && (!skipped || kernel != now.Once-since.Once) {
		return fmt.Sprintf("The kernel counted %d bytes written to disk %s, the tracking %d.", kernel, now.Key, seen)
	}
	return ""
}

// mostSeen is what the copy saw that saw most: a copy that saw all marked all.
func mostSeen(since, now Disk) uint64 {
	most := uint64(0)
	for copy := range now.Seen {
		if seen := now.Seen[copy] - since.Seen[copy]; seen > most {
			most = seen
		}
	}
	return most
}

// moved says why the instant is none, although the marks are complete.
func moved(now Evidence, window Window) string {
	if window.Alarm != "" {
		return window.Alarm
	}
	if len(window.Disks) != len(now.Disks) {
		return "Not every disk was watched while the file systems stood still."
	}
	for at, disk := range now.Disks {
		still := window.Disks[at]
		if !disk.Settled {
			return fmt.Sprintf("Disk %s was written all the time, so that its counters could not be compared.", disk.Key)
		}
		if still.AtFreeze != still.AtThaw && still.Strays > 0 {
			return fmt.Sprintf("Disk %s was written while its file systems stood still.", disk.Key)
		}
	}
	return ""
}

func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for at := range a {
		if a[at] != b[at] {
			return false
		}
	}
	return true
}
