package disks

import "fmt"

// refuse says of each disk that cannot be followed why.
func refuse(sys Sys, found []*Disk, loops []string) {
	contained := InContainer(sys)
	keys := map[string]string{}
	for _, disk := range found {
		disk.Refused = reason(sys, disk, contained && !contains(loops, disk.Name))
		if other, taken := keys[disk.Key]; taken && disk.Refused == "" {
			disk.Refused = fmt.Sprintf("it has the same identity as %s: several paths to one disk are not followed", other)
		}
		keys[disk.Key] = disk.Name
	}
}

func reason(sys Sys, disk *Disk, contained bool) string {
	switch {
	case contained:
		return "this is a container: protect the machine that it runs on"
	case bioBased.MatchString(disk.Name):
		return "writes to this kind of device pass the kernel's hook by"
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
