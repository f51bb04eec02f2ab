"""The life of our processes: what they start ends with them, and memory that they do not need is returned.

children      processes that end with this one
ending        the end of others
malloc        the allocator's settings
collector     the garbage collector's rest
loading       what is not loaded by a service
run_folder    folders for what only a run of this host needs
short_folder  a private place for unix sockets
layered       settings that come from files and from the environment
surroundings  what whoever starts a process gives it along
"""
