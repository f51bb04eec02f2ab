// The same digests by wider registers, where the processor has them: Debian's library uses what every one has.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#define XXH_VECTOR 2 // AVX2
#endif
#include <xxhash.h>

#include "wide.h"

void digest_wide(const unsigned char *data, size_t length, size_t part, unsigned char *out) {
    for (size_t at = 0; at < length; at += part, out += 16) {
        XXH128_hash_t hash = XXH3_128bits(data + at, length - at < part ? length - at : part);
        XXH128_canonicalFromHash((XXH128_canonical_t *)out, hash);
    }
}
