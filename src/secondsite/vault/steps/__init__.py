"""Work that several operations share: giving orders, claiming a machine, picking a point, mapping
networks."""
