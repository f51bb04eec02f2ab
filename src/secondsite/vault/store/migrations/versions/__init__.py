"""The baseline, and one file for each change of the tables since."""
