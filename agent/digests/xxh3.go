// Package digests knows the content of blocks by their xxh3-128.
package digests

// #cgo LDFLAGS: -l:libxxhash.a
// #include <xxhash.h>
// #include "wide.h"
// static int has_wide(void) {
// #if defined(__x86_64__)
//     return __builtin_cpu_supports("avx2") != 0;
// #else
//     return 0;
// #endif
// }
// static void digest_parts(const unsigned char *data, size_t length, size_t part, unsigned char *out, int wide) {
//     if (wide) {
//         digest_wide(data, length, part, out);
//         return;
//     }
//     for (size_t at = 0; at < length; at += part, out += 16) {
//         XXH128_hash_t hash = XXH3_128bits(data + at, length - at < part ? length - at : part);
//         XXH128_canonicalFromHash((XXH128_canonical_t *)out, hash);
//     }
// }
import "C"

import "bytes"

// wide is whether this processor has the wider registers.
var wide = C.has_wide()

func parts(data []byte, length int, out []byte) {
	C.digest_parts((*C.uchar)(&data[0]), C.size_t(len(data)), C.size_t(length), (*C.uchar)(&out[0]), wide)
}

// PageBytes is what the other side tells apart within a block.
const PageBytes = 4 << 10

// Digest is an xxh3-128; sixteen zero bytes stand for that of a block of zeros.
type Digest [16]byte

// Hole stands for a block of zeros.
var Hole Digest

// Of returns the digest of the bytes, of which there is at least one.
func Of(data []byte) (found Digest) {
	parts(data, len(data), found[:])
	return found
}

// OfPages returns those of its pages one after the other; the last page may be short.
func OfPages(data []byte) []byte {
	found := make([]byte, (len(data)+PageBytes-1)/PageBytes*len(Digest{}))
	parts(data, PageBytes, found)
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
