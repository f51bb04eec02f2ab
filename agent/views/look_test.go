package views

import (
	"fmt"
	"testing"

	"secondsite/agent/disks"
	"secondsite/agent/marks"
)

func of(key, identity string, blocks int64) *disks.Disk {
	return &disks.Disk{Key: key, Name: key, Identity: identity, SizeBytes: blocks * marks.BlockBytes}
}

func TestWhatIsKnownOfADiskFollowsItToItsNewPlaceAndTheRestIsDirty(t *testing.T) {
	old := former{disks: []*disks.Disk{of("gone", "1", 4), of("stays", "2", 4), of("grows", "3", 4), of("other", "4", 4)}}
	m := &Machine{Disks: []*disks.Disk{
		of("new", "5", 2), of("grows", "3", 6), of("stays", "2", 4), of("other", "9", 2), of("shrank", "6", 1),
	}}
	places := old.places(m.Disks)
	if fmt.Sprint(places) != "[-1 2 1 -1 -1]" {
		t.Fatal(places)
	}
	sets := make([]*marks.Set, 4)
	for at := range sets {
		sets[at] = marks.NewSet(4)
		sets[at].Add(at, at)
	}
	m.history.Add(marks.Named{Name: "one", Disks: sets})
	m.history.Rearrange(func(of []*marks.Set) []*marks.Set { return m.moved(of, places) }, m.unknown(old, places))
	for at, expected := range []string{"[0 1]", "[2 4 5]", "[1]", "[0 1]", "[0]"} {
		if found := blocksOf(m.history.Union(at, marks.Blocks(m.Disks[at].SizeBytes))); fmt.Sprint(found) != expected {
			t.Errorf("%s: %v", m.Disks[at].Key, found)
		}
	}
}

func blocksOf(set *marks.Set) (found []int) {
	for block := set.Next(0); block >= 0; block = set.Next(block + 1) {
		found = append(found, block)
	}
	return found
}

func TestADiskThatShrankIsAnotherOne(t *testing.T) {
	old := former{disks: []*disks.Disk{of("a", "1", 4)}}
	if places := old.places([]*disks.Disk{of("a", "1", 3)}); places[0] != -1 {
		t.Fatal(places)
	}
}
