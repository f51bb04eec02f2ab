package disks

import (
	"os"
	"strings"
)

// keyOf is by what a disk is known again, whatever name the next boot gives it: the first of these that it has.
func keyOf(sys Sys, disk *Disk) string {
	name := disk.Name
	for _, each := range []struct{ kind, word string }{
		{"wwn", strings.TrimPrefix(sys.Word("sys/block", name, "dm/uuid"), "mpath-")},
		{"wwn", sys.Word("sys/block", name, "wwid")},
		{"wwn", sys.Word("sys/block", name, "device/wwid")},
		{"serial", sys.Word("sys/block", name, "serial")},
		{"serial", sys.Word("sys/block", name, "device/serial")},
		{"serial", vitalSerial(sys, name)},
		{"file", sys.Word("sys/block", name, "loop/backing_file")},
		{"table", tableOf(disk)},
		{"path", sys.linked("sys/block", name, "device")},
	} {
		if each.word != "" {
			return each.kind + ":" + strings.Join(strings.Fields(each.word), " ")
		}
	}
	return "name:" + name
}

// vitalSerial is what a SCSI disk says on the page of its serial number, behind a head of four bytes.
func vitalSerial(sys Sys, name string) string {
	page, _ := os.ReadFile(sys.path("sys/block", name, "device/vpd_pg80"))
	if len(page) < 4 {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(page[4:]), "\x00", ""))
}

// tableOf is the id of its partition table.
func tableOf(disk *Disk) string {
	for _, each := range disk.Holds {
		if each.Device == disk.Name && each.ID != "" {
			return each.ID
		}
	}
	return ""
}
