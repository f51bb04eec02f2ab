"""Agents of machines at the appliance that they call, at its own host; it may run meanwhile.

commands        `secondsite appliance agents ...`
enrolled        which are enrolled; one is accepted no more
keys            registration keys
program         the agent's program that this appliance hands out
pushing         an agent is brought into a machine by ssh
registry        the book of agents in the appliance's home, and where they call
server_disks    the disks of another server that a machine comes home to
upgrading       agents get the appliance's program
"""
