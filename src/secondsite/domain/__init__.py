"""What the product decides, without touching a clock, a disk, a network or a thread."""
