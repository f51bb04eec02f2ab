package rescue

import (
	"bytes"
	"fmt"
	"os"

	"secondsite/agent/disks"
)

// StickVolume is how the medium is called that a rescue system starts from; the image's builder knows it too.
const StickVolume = "SECONDSITE_RESCUE"

const isoVolumeAt, isoVolumeEnd = 32768, 32768 + 72

// reason is why a disk is not offered; nothing if it is.
func reason(sys disks.Sys, disk *disks.Disk, uses map[string]string, keys map[string]string) string {
	other, taken := keys[disk.Key]
	use, used := uses[disk.Name]
	switch {
	case used:
		return use
	case sys.Word("sys/block", disk.Name, "ro") == "1":
		return "it is read-only: look for a switch on it, or a setting of its controller"
	case taken:
		return fmt.Sprintf("it has the same identity as %s: another path to it, or a copy", other)
	case isStick(disk.Name):
		return "the rescue system was started from it"
	}
	return ""
}

func isStick(name string) bool {
	file, err := os.Open("/dev/" + name)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, isoVolumeEnd-isoVolumeAt)
	if _, err := file.ReadAt(head, isoVolumeAt); err != nil {
		return false
	}
	return bytes.HasPrefix(head[1:], []byte("CD001")) && bytes.HasPrefix(head[40:], []byte(StickVolume))
}
