"""Routes: what is set for single machines.

Its rooms:

    cards       how a machine's network cards are connected at its second site
    checks      what is checked of a machine after each start
    hooks       scripts that run when it is moved
    properties  its name, vCPUs and memory at the second site
    pools       addresses of the networks there
"""

from .cards import router

__all__ = ["router"]
