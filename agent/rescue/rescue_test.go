package rescue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"secondsite/agent/disks"
	"secondsite/agent/serving"
)

// kernel makes the files of a kernel: `path=text` a file, `path->target` a link.
func kernel(t *testing.T, lines ...string) disks.Sys {
	root := t.TempDir()
	for _, line := range lines {
		path, target, isLink := strings.Cut(line, "->")
		path, text, _ := strings.Cut(path, "=")
		place := filepath.Join(root, path)
		os.MkdirAll(filepath.Dir(place), 0o700)
		err := error(nil)
		if isLink {
			err = os.Symlink(filepath.Join(root, target), place)
		} else {
			err = os.WriteFile(place, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return disks.Sys(root)
}

func disk(name, number string) []string {
	at := "sys/block/" + name + "/"
	return []string{at + "dev=" + number, at + "size=2048", at + "serial=" + name, at + "device/x=", at + "mq/0=",
		"sys/dev/block/" + number + "->sys/block/" + name, "sys/class/block/" + name + "->sys/block/" + name}
}

func TestWhatTheKernelHasOfADiskIsToldByName(t *testing.T) {
	var lines []string
	for at, name := range []string{"sda", "sdb", "sdc", "sdd", "sde"} {
		lines = append(lines, disk(name, "8:"+string(rune('0'+at)))...)
	}
	lines = append(lines,
		"proc/self/mountinfo=25 1 8:0 / / rw - ext4 /dev/sda rw\n30 1 0:31 / /data rw - btrfs /dev/sdb rw\nshort",
		"sys/fs/btrfs/id/devices/sdb->sys/block/sdb", "sys/fs/btrfs/id/devices/sdc->sys/block/sdc",
		"sys/block/sdd/sdd1/holders/md0=", "sys/block/sdd/sdd1/partition=1",
	)
	sys := kernel(t, lines...)
	uses := usesOf(sys, disks.Find(sys, nil))
	for name, words := range map[string]string{
		"sda": "has / on it", "sdb": "has /data on it", "sdc": "has /data on it", "sdd": "md0 is assembled", "sde": "",
	} {
		if use := uses[name]; (words == "") != (use == "") || !strings.Contains(use, words) {
			t.Errorf("%s: %q", name, use)
		}
	}
}

func TestAReadOnlyDiskAndASecondPathAreRefused(t *testing.T) {
	sys := kernel(t, "sys/block/sda/ro=1")
	if found := reason(sys, &disks.Disk{Name: "sda", Key: "a"}, nil, nil); !strings.Contains(found, "read-only") {
		t.Error(found)
	}
	taken := map[string]string{"a": "sda"}
	if found := reason(sys, &disks.Disk{Name: "sdb", Key: "a"}, nil, taken); !strings.Contains(found, "sda") {
		t.Error(found)
	}
}

func TestNobodyBeginsToWriteOnceItEnds(t *testing.T) {
	ended := false
	m := &Machine{}
	if err := m.begin(); err != nil {
		t.Fatal(err)
	}
	end := func() error { ended = true; return nil }
	if answer := m.end(end); answer.OK || answer.Code != "busy" || ended {
		t.Fatalf("%+v", answer)
	}
	m.finish()
	if answer := m.end(end); !answer.OK || !ended {
		t.Fatalf("%+v", answer)
	}
	if m.begin() == nil {
		t.Fatal("a writer came in")
	}
}

func TestAVerbOfFollowedMachinesIsUnknown(t *testing.T) {
	if answer := (&Machine{}).Answer(serving.Request{Do: "open"}); answer.Code != "unknown" {
		t.Fatalf("%+v", answer)
	}
}
