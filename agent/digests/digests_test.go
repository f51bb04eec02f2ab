package digests

import (
	"encoding/hex"
	"math/rand"
	"testing"
)

func TestADigestIsTheSameByWiderRegistersAndForEverybody(t *testing.T) {
	data := make([]byte, 64<<10)
	rand.New(rand.NewSource(1)).Read(data)
	usual := wide
	defer func() { wide = usual }()
	for length := 1; length <= len(data); length = length*5/3 + 1 {
		wide = 0
		plain := Of(data[:length])
		wide = usual
		if Of(data[:length]) != plain {
			t.Fatalf("%d bytes", length)
		}
	}
	zero := Of(zeros[:])
	if found := hex.EncodeToString(zero[:]); found != "fd5ee061c8433a0f33b202d302b65caa" {
		t.Fatalf("the other side has another one of zeros than %s", found)
	}
}

func TestPagesAreDigestedOneByOneAndTheLastMayBeShort(t *testing.T) {
	data := make([]byte, 3*PageBytes+512)
	rand.New(rand.NewSource(2)).Read(data)
	found := OfPages(data)
	if len(found) != 4*len(Digest{}) {
		t.Fatalf("%d bytes", len(found))
	}
	for at := 0; at < 4; at++ {
		end := (at + 1) * PageBytes
		if end > len(data) {
			end = len(data)
		}
		if digest := Of(data[at*PageBytes : end]); string(digest[:]) != string(found[at*16:at*16+16]) {
			t.Fatalf("page %d", at)
		}
	}
}
