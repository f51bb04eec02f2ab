"""Of pools of addresses."""
