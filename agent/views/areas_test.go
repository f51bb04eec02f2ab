package views

import (
	"os"
	"path/filepath"
	"testing"

	"secondsite/agent/disks"
)

func TestOnlyWholeBlocksOfASwapPartitionMayChangeWhileFrozen(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"proc/swaps":                   "Filename Type Size\n/dev/sda2 partition 1 0 -2\n/swapfile file 1 0 -3\n/dev/dm-0 partition 1 0 -4\n",
		"sys/block/sda/sda2/start":     "136\n",
		"sys/block/sda/sda2/size":      "512\n",
		"sys/block/sda/sda2/partition": "2\n",
	} {
		os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700)
		os.WriteFile(filepath.Join(root, path), []byte(text), 0o600)
	}
	os.MkdirAll(filepath.Join(root, "sys/class/block"), 0o700)
	os.Symlink(filepath.Join(root, "sys/block/sda/sda2"), filepath.Join(root, "sys/class/block/sda2"))
	set := restless(disks.Sys(root), []*disks.Disk{{Name: "sda", SizeBytes: 10 << 16}})[0]
	// 68 KiB to 324 KiB: the second block is shared with what lies before, the sixth with what lies behind.
	for block := 0; block < 10; block++ {
		if set.Has(block) != (block >= 2 && block <= 4) {
			t.Errorf("block %d: %v", block, set.Has(block))
		}
	}
}
