"""Of machines under protection."""
