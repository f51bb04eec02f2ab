"""What is kept of failovers and drills.

evidence   what was done, and its digest
pictures   of screens
run_times  what runs took
validations  what the check of the whole configuration found
"""
