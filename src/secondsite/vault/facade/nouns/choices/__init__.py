"""What may be chosen to start from, now: `machine` of one machine, `plan` of the machines of a plan."""
