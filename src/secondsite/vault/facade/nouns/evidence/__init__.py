"""What is kept of failovers and drills: `entries`."""
