"""The shapes that cross a process border, with their version. Unknown fields are ignored, so neighbours may differ
by one version."""

PROTOCOL_VERSION = 1
