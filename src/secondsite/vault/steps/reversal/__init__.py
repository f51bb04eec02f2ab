"""Where a machine is protected back to: to its old disks, or to new ones, with the appliance that had it or
with another.

place     what was asked for, and the machine in the roles that it will have
leaving   the old machine gives way, also where its appliance is gone for good
reverse_by_itself  after the commit of a planned failover nobody has to ask for it
checking  what is asked of both sides before anything stops
"""
