"""Validation of the whole configuration: of what is set in the vault, and of what the sites say about it.

Its rooms:

    configuration  flaws in what is set; pure
    asking         questions to the sites' appliances
    validating     a check, the results of the last one, and what the caller sees of them
"""
