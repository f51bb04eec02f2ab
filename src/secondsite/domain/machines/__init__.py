"""A machine's own properties.

hooks        which scripts run when it is moved, at which site
properties   which name, vCPUs and memory it may be given at its second site
adopting     what it is to a new vault, by what appliances have of it
platforms    of which kinds sites are that it is replicated between
system_disk  which of its disks it boots from
"""
