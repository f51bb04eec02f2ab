package disks

import (
	"fmt"
	"strings"
)

// refuse says of each disk that cannot be followed why.
func refuse(sys Sys, found []*Disk, loops []string) {
	contained := InContainer(sys)
	names := map[string][]string{}
	for _, disk := range found {
		names[disk.Key] = append(names[disk.Key], disk.Name)
	}
	for _, disk := range found {
		disk.Refused = reason(sys, disk, contained && !contains(loops, disk.Name))
		if same := names[disk.Key]; len(same) > 1 && disk.Refused == "" {
			disk.Refused = fmt.Sprintf("%s have the same identity: join the paths to one disk by multipath, "+
				"or give each disk a serial number of its own", strings.Join(same, " and "))
		}
	}
}

func reason(sys Sys, disk *Disk, contained bool) string {
	switch {
	case contained:
		return "this is a container: protect the machine that it runs on"
	case bioBased.MatchString(disk.Name):
		return "writes to this kind of device pass the kernel's hook by"
	case isMultipath(sys, disk.Name) && !sys.exists("sys/block", disk.Name, "mq"):
		return "its paths are joined below the kernel's hook: set `queue_mode mq` for it"
	case !sys.exists("sys/block", disk.Name, "mq"):
		return "its driver takes no requests, so that no write would be seen"
	case holds(disk, "zfs"):
		return "ZFS cannot be frozen: replicate it by its own snapshots"
	case sys.Word("sys/block", disk.Name, "queue/iostats") == "0":
		return "the kernel does not count its writes: write 1 to /sys/block/" + disk.Name + "/queue/iostats"
	}
	return ""
}

func holds(disk *Disk, kind string) bool {
	for _, each := range disk.Holds {
		if each.Kind == kind {
			return true
		}
	}
	return false
}
