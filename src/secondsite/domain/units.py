"""The words for sizes and spans, so that nobody writes 1024**2 again."""

KiB = 1024
MiB = 1024 * KiB
GiB = 1024 * MiB

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
