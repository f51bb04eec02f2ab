package disks

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
)

// Content is what lies on a disk, or on a partition of it.
type Content struct {
	Device string `json:"device"`
	Kind   string `json:"kind"`
	ID     string `json:"id,omitempty"`
}

type magic struct {
	kind   string
	offset int
	bytes  string
	// Where its id lies, and how long that is.
	id, length int
}

func (m magic) end() int {
	if after := m.offset + len(m.bytes); after > m.id+m.length {
		return after
	}
	return m.id + m.length
}

const headBytes = 256 << 10

var magics = []magic{
	{"gpt", 512, "EFI PART", 568, 16},
	{"ext", 0x438, "\x53\xef", 0x468, 16},
	{"xfs", 0, "XFSB", 32, 16},
	{"btrfs", 0x10040, "_BHRfS_M", 0x10020, 16},
	{"swap", 4086, "SWAPSPACE2", 0x40c, 16},
	{"lvm", 536, "LVM2 001", 544, 32},
	{"md", 4096, "\xfc\x4e\x2b\xa9", 4112, 16},
	{"luks", 0, "LUKS\xba\xbe", 168, 36},
	{"vfat", 82, "FAT32   ", 67, 4},
	{"vfat", 54, "FAT1", 39, 4},
	{"mbr", 510, "\x55\xaa", 440, 4},
}

func contentOf(sys Sys, disk *Disk) []Content {
	found := probe(sys, disk.Name)
	for _, name := range sys.list("sys/block", disk.Name) {
		if sys.exists("sys/block", disk.Name, name, "partition") {
			found = append(found, probe(sys, name)...)
		}
	}
	return found
}

func probe(sys Sys, device string) []Content {
	file, err := os.Open(sys.path("dev", device))
	if err != nil {
		return nil
	}
	defer file.Close()
	head := make([]byte, headBytes)
	n, _ := file.ReadAt(head, 0)
	kind, id := Recognize(head[:n])
	if kind == "" {
		return nil
	}
	return []Content{{device, kind, id}}
}

// Recognize says what begins with these bytes, and its id in hex; nothing if that is unknown.
func Recognize(head []byte) (kind, id string) {
	if isZFS(head) {
		return "zfs", ""
	}
	for _, each := range magics {
		if len(head) >= each.end() && bytes.HasPrefix(head[each.offset:], []byte(each.bytes)) {
			return each.kind, hex.EncodeToString(head[each.id : each.id+each.length])
		}
	}
	return "", ""
}

// A ring of uberblocks begins at 128 KiB, each of at least 1 KiB.
func isZFS(head []byte) bool {
	const uberblock = 0x00bab10c
	for at := 128 << 10; at+8 <= len(head); at += 1 << 10 {
		word := head[at : at+8]
		if binary.LittleEndian.Uint64(word) == uberblock || binary.BigEndian.Uint64(word) == uberblock {
			return true
		}
	}
	return false
}
