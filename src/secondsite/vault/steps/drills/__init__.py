"""Test failovers: how one ends, and what it showed.

by_itself  the last steps of a test failover that cleans up
cleaning   the machine and the network go, notes and verdict stay
proven     as what a machine was when one passed, and what is otherwise now
networking its network, or one for each that its machines are in at home
"""
