"""What the check of the whole configuration found: `shapes`."""
