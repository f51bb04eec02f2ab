"""Routes: what is kept of failovers and drills, in `entries`."""
