"""Adoption: a new vault takes over what an appliance has of a vault that is gone.

Its rooms:

    adopting  the request of a person, in portions
    settings  sites, policies, groups, plans; and appliances that are only names until they return
    records   the record of a machine, from what was found of it
    machines  the plan for one machine, and carrying it out
    advice    what to know about adopted machines, and what to do next
"""

from .adopting import Adoption as Adoption
