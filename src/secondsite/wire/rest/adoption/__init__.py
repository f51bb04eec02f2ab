"""A new vault adopts what an appliance has of a vault that is gone: `shapes`."""
