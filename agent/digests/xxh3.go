// Package digests knows the content of blocks by their xxh3-128.
package digests

// #cgo LDFLAGS: -l:libxxhash.a
// #include <xxhash.h>
// static void digest(const void *data, size_t length, unsigned char *out) {
//     XXH128_hash_t hash = XXH3_128bits(data, length);
//     XXH128_canonicalFromHash((XXH128_canonical_t *)out, hash);
// }
import "C"

import "unsafe"

// Digest is an xxh3-128; sixteen zero bytes stand for that of a block of zeros.
type Digest [16]byte

// Hole stands for a block of zeros.
var Hole Digest

// Of returns the digest of the bytes, of which there is at least one.
func Of(data []byte) (found Digest) {
	C.digest(unsafe.Pointer(&data[0]), C.size_t(len(data)), (*C.uchar)(&found[0]))
	return found
}

var zeros [64 << 10]byte

// Matches tells whether the block is the one that the digest was made of.
func Matches(block []byte, expected Digest) bool {
	if expected == Hole {
		expected = Of(zeros[:len(block)])
	}
	return Of(block) == expected
}
