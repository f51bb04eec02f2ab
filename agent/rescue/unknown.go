package rescue

import (
	"os"

	"secondsite/agent/disks"
)

const endBytes = 1 << 20

// unknown is what lies at the beginning or the end of a disk that holds nothing that is known: whoever overwrites it is
// asked first. What cannot be read counts as something.
func (d *Disk) unknown() []disks.Content {
	if len(d.Holds) > 0 || d.isBlank() {
		return nil
	}
	return []disks.Content{{Device: d.Name, Kind: "unknown data"}}
}

func (d *Disk) isBlank() bool {
	end, err := disks.Buffer(endBytes)
	if err != nil {
		return false
	}
	defer disks.FreeBuffer(end)
	length := min(int64(endBytes), d.SizeBytes)
	for _, at := range []int64{0, (d.SizeBytes - length) / d.SectorBytes * d.SectorBytes} {
		if d.Read(end[:length], at) != nil || !isZeros(end[:length]) {
			return false
		}
	}
	return true
}

func isZeros(bytes []byte) bool {
	for _, each := range bytes {
		if each != 0 {
			return false
		}
	}
	return true
}

func min(one, other int64) int64 {
	if one < other {
		return one
	}
	return other
}

func firmwareOf(sys disks.Sys) string {
	if _, err := os.Stat(string(sys) + "/sys/firmware/efi"); err == nil {
		return "uefi"
	}
	return "bios"
}
