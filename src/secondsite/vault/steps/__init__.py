"""Work that several operations share: giving orders, claiming a machine, choosing a point, mapping
networks."""
