"""Test failovers that the vault starts.

starting   from a schedule to a job, or why not
scheduler  every half minute: what is due is started
"""
