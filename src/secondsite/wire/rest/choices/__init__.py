"""What may be chosen to start from: `shapes`."""
