"""What is kept of failovers and drills.

evidence   what was done, and its digest
pictures   of screens
run_times  what runs took
"""
