"""One file per figure; see `catalogue`."""
