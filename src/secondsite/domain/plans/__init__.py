"""Recovery plans: which machines are recovered together, in which order, and what people do in between.

directions  the ways and the kinds of failover
actions     what is done before and after a group
plan        groups in their order, and what a plan has to be
taking      which machines a run of it takes, and which way they go
"""
