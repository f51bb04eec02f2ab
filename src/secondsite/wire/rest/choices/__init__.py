"""What may be chosen.

shapes      to start from
candidates  the appliance that is to hold a replica
"""
