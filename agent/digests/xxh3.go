// Package digests knows the content of blocks by their xxh3-128.
package digests

// #cgo LDFLAGS: -l:libxxhash.a
// #include <xxhash.h>
// static void digest(const void *data, size_t length, unsigned char *out) {
//     XXH128_hash_t hash = XXH3_128bits(data, length);
//     XXH128_canonicalFromHash((XXH128_canonical_t *)out, hash);
// }
// static void digest_pages(const unsigned char *data, size_t length, size_t page, unsigned char *out) {
//     for (size_t at = 0; at < length; at += page, out += 16)
//         digest(data + at, length - at < page ? length - at : page, out);
// }
import "C"

import (
	"bytes"
	"unsafe"
)

// PageBytes is what the other side tells apart within a block.
const PageBytes = 4 << 10

// Digest is an xxh3-128; sixteen zero bytes stand for that of a block of zeros.
type Digest [16]byte

// Hole stands for a block of zeros.
var Hole Digest

// Of returns the digest of the bytes, of which there is at least one.
func Of(data []byte) (found Digest) {
	C.digest(unsafe.Pointer(&data[0]), C.size_t(len(data)), (*C.uchar)(&found[0]))
	return found
}

// OfPages returns those of its pages one after the other; the last page may be short.
func OfPages(data []byte) []byte {
	found := make([]byte, (len(data)+PageBytes-1)/PageBytes*len(Digest{}))
	C.digest_pages((*C.uchar)(&data[0]), C.size_t(len(data)), PageBytes, (*C.uchar)(&found[0]))
	return found
}

var zeros [64 << 10]byte

// IsZero tells whether a block is all zeros, which takes less than its digest.
func IsZero(block []byte) bool { return bytes.Equal(block, zeros[:len(block)]) }

// Matches tells whether the block is the one that the digest was made of.
func Matches(block []byte, expected Digest) bool {
	if expected == Hole {
		return IsZero(block)
	}
	return Of(block) == expected
}
