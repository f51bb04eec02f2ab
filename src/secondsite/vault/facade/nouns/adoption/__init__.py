"""A new vault adopts what an appliance has of a vault that is gone.

Its rooms:

    adopting  what a person asks for, in portions
    settings  sites, policies, groups, plans; and appliances that are names until they return
    records   the record of a machine, from what was found of it
    machines  one machine: what is to come of it, and that done
    advice    what there is to know, and to do next
"""

from .adopting import Adoption as Adoption
