"""Commands for who logs in.

Its rooms:

    person    secondsite person ...
    provider  secondsite provider ...
    session   secondsite session ..., secondsite whoami
"""
