package disks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine makes the files of a kernel: `path=text` a file, `path->target` a link.
func machine(t *testing.T, lines ...string) Sys {
	root := t.TempDir()
	for _, line := range lines {
		if path, target, isLink := strings.Cut(line, "->"); isLink {
			os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700)
			if err := os.Symlink(filepath.Join(root, target), filepath.Join(root, path)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		path, text, _ := strings.Cut(line, "=")
		os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700)
		if err := os.WriteFile(filepath.Join(root, path), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Sys(root)
}

func disk(name, number, serial string) []string {
	at := "sys/block/" + name + "/"
	return []string{at + "dev=" + number, at + "size=2048", at + "serial=" + serial, at + "device/x=", at + "mq/0="}
}

func found(t *testing.T, lines ...string) map[string]*Disk {
	byName := map[string]*Disk{}
	for _, each := range Find(machine(t, lines...), nil) {
		byName[each.Name] = each
	}
	return byName
}

func TestADiskIsKnownByItsSerialAndNotByItsName(t *testing.T) {
	one := found(t, append(disk("sda", "8:0", "S1"), disk("sdb", "8:16", "S2")...)...)
	if one["sda"].Key != "serial:S1" || one["sdb"].Key != "serial:S2" || one["sda"].SizeBytes != 1<<20 {
		t.Fatalf("%+v", one["sda"])
	}
}

func TestASCSIDiskIsKnownByThePageOfItsSerialNumber(t *testing.T) {
	lines := append(disk("sda", "8:0", ""), "sys/block/sda/device/vpd_pg80=\x00\x80\x00\x02D2")
	if one := found(t, lines...)["sda"]; one.Key != "serial:D2" {
		t.Fatal(one.Key)
	}
}

func TestWhatCannotBeFollowedIsRefusedWithTheReason(t *testing.T) {
	lines := append(disk("sda", "8:0", "S"), disk("sdb", "8:16", "S")...)
	lines = append(lines, disk("sdc", "8:32", "Q")...)
	lines = append(lines, "sys/block/sdc/queue/iostats=0")
	lines = append(lines, "sys/block/pmem0/dev=259:0", "sys/block/pmem0/size=2048")
	lines = append(lines, "sys/block/xyz/dev=7:0", "sys/block/xyz/size=2048", "sys/block/xyz/device/x=")
	lines = append(lines, disk("loop0", "7:0", "L")...)
	disks := found(t, lines...)
	for name, reason := range map[string]string{
		"sda": "sda and sdb have the same", "sdb": "sda and sdb have the same", "sdc": "does not count", "pmem0": "pass the kernel's hook", "xyz": "no requests",
	} {
		if refused := disks[name].Refused; (reason == "") != (refused == "") || !strings.Contains(refused, reason) {
			t.Errorf("%s: %q", name, refused)
		}
	}
	if disks["loop0"] != nil {
		t.Error("a loop device is a disk only where it is named")
	}
}

func TestInAContainerNothingIsFollowed(t *testing.T) {
	for _, sign := range []string{".dockerenv=", "run/systemd/container=docker", "proc/1/environ=a=b\x00container=lxc"} {
		if refused := found(t, append(disk("sda", "8:0", "S"), sign)...)["sda"].Refused; refused == "" {
			t.Errorf("%q did not tell", sign)
		}
	}
}

func TestHiddenPathsOfAnNVMeDiskBelongToIt(t *testing.T) {
	lines := append(disk("nvme0n1", "259:0", "N"), disk("nvme0c1n1", "0:0", "N")...)
	lines = append(lines, "sys/block/nvme0c1n1/hidden=1")
	disks := found(t, lines...)
	if len(disks) != 1 || len(disks["nvme0n1"].Paths) != 1 || disks["nvme0n1"].Paths[0] != "nvme0c1n1" {
		t.Fatalf("%+v", disks["nvme0n1"])
	}
}

func TestSeveralPathsThatAreJoinedAreOneDisk(t *testing.T) {
	lines := append(disk("sda", "8:0", "S"), disk("sdb", "8:16", "S")...)
	lines = append(lines, "sys/block/dm-0/dm/uuid=mpath-3600a", "sys/block/dm-0/dev=254:0", "sys/block/dm-0/size=2048",
		"sys/block/dm-0/mq/0=", "sys/block/sda/holders/dm-0=", "sys/block/sdb/holders/dm-0=",
		"sys/block/dm-1/dm/uuid=mpath-3600b", "sys/block/dm-1/size=2048", "sys/block/dm-2/dm/uuid=LVM-x", "sys/block/dm-2/size=8")
	disks := found(t, lines...)
	if len(disks) != 2 || disks["dm-0"].Key != "wwn:3600a" || disks["dm-0"].Refused != "" {
		t.Fatalf("%+v", disks)
	}
	if !strings.Contains(disks["dm-1"].Refused, "queue_mode") {
		t.Fatalf("%+v", disks["dm-1"])
	}
}

func TestTheSignatureChangesWithEachDiskAndItsSize(t *testing.T) {
	seen := map[string]bool{}
	for _, lines := range [][]string{
		disk("sda", "8:0", "S"), append(disk("sda", "8:0", "S"), disk("sdb", "8:16", "T")...),
		append(disk("sda", "8:0", "S"), "sys/block/sda/size=4096"), append(disk("sda", "8:0", "S"), "sys/block/sda/diskseq=7"),
	} {
		sys := machine(t, lines...)
		if one := Signature(sys, nil); seen[one] || one != Signature(sys, nil) {
			t.Errorf("%q", one)
		} else {
			seen[one] = true
		}
	}
}

func TestADeviceStandsOnTheDisksBelowAllItsLayers(t *testing.T) {
	lines := append(disk("sda", "8:0", "A"), disk("sdb", "8:16", "B")...)
	lines = append(lines,
		"sys/block/sda/sda1/partition=1", "sys/block/sda/sda1/dev=8:1",
		"sys/block/md0/dev=9:0", "sys/block/dm-0/dev=254:0",
		"sys/dev/block/8:1->sys/block/sda/sda1", "sys/dev/block/8:16->sys/block/sdb",
		"sys/dev/block/9:0->sys/block/md0", "sys/dev/block/254:0->sys/block/dm-0",
		"sys/block/dm-0/slaves/md0=", "sys/block/md0/slaves/sda1=", "sys/block/md0/slaves/sdb=",
		"sys/class/block/md0->sys/block/md0", "sys/class/block/sda1->sys/block/sda/sda1",
		"sys/class/block/sdb->sys/block/sdb",
	)
	sys := machine(t, lines...)
	below := Below(sys, "254:0", Find(sys, nil))
	if strings.Join(below, " ") != "sda sdb" {
		t.Fatalf("%v", below)
	}
	if other := Below(sys, "1:2", Find(sys, nil)); other != nil {
		t.Fatalf("%v", other)
	}
}

func TestWhatLiesOnADiskIsKnownByItsMagic(t *testing.T) {
	for kind, place := range map[string]struct {
		offset int
		bytes  string
	}{
		"ext": {0x438, "\x53\xef"}, "xfs": {0, "XFSB"}, "btrfs": {0x10040, "_BHRfS_M"}, "swap": {4086, "SWAPSPACE2"},
		"lvm": {536, "LVM2 001"}, "zfs": {132 << 10, "\x0c\xb1\xba\x00\x00\x00\x00\x00"}, "": {0, "nothing"},
	} {
		head := make([]byte, headBytes)
		copy(head[place.offset:], place.bytes)
		if found, _ := Recognize(head); found != kind {
			t.Errorf("%q was taken for %q", kind, found)
		}
		Recognize(head[:place.offset])
	}
}

func TestCountersOfOldAndNewKernelsAreRead(t *testing.T) {
	old := numbers([]byte("  10 0 20 30    40 1 60 70  0 80 90\n"))
	fresh := numbers([]byte("  10 0 20 30    40 1 60 70  2 80 90    5 0 7 8 9 10\n"))
	if old[statWrites] != 40 || old[statWriteSectors] != 60 || old[statDiscards] != 0 {
		t.Fatalf("%v", old)
	}
	if fresh[statDiscards] != 5 || fresh[statDiscardSectors] != 7 || fresh[statFlying] != 2 {
		t.Fatalf("%v", fresh)
	}
}
