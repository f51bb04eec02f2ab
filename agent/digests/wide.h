#include <stddef.h>

// Digests of the parts of the data, sixteen bytes each; only where the processor can.
void digest_wide(const unsigned char *data, size_t length, size_t part, unsigned char *out);
