"""The whole configuration is checked: what is written here, and what its sites say of it.

configured  what is wrong in what is written; pure
asking      what the sites' appliances are asked
validating  a check, what was found before, and what the caller sees of it
"""
