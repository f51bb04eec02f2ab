"""Of each failover and drill that has ended, evidence is kept: for ever, since its job is deleted after 90
days.

keeper    finds what has ended, and keeps it once
document  what it says
machines  what it says of each machine
steps     what it says of each step
"""
