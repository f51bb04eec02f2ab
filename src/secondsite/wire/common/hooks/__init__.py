"""Hooks of a machine.

hook  a script of the sites that runs when the machine is moved
"""
