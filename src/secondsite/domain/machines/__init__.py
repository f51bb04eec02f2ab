"""A machine's own properties.

properties   which name, vCPUs and memory it may be given at its second site
system_disk  which of its disks it boots from
"""
