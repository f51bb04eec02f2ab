"""Uses the agent of a running guest.

Its rooms:

    addressing     gives a card an address
    lasting        writes it into the guest's own network configuration, and puts that back
    lasting_lines  what the guest's shell is told for that
    windows        gives a card of a Windows its addresses
    windows_lines  what its PowerShell is told for that
    scripting      runs a script
    file_systems   asks the guest's kernel about mounted file systems
    looks          looks in guests for what their operators would miss
    files          reads files of a guest
    guest          commands that a guest's agent runs
"""
