"""Where machines are, and are to be."""
