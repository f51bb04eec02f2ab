"""Points that the vault has booted by itself.

scheduler  every half minute, for each site that gives something for it: whose turn it is
"""
