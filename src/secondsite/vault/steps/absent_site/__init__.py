"""Verbs that go on when one of a machine's two sites is gone, perhaps for ever.

Its rooms:

    declaration        an operator names the site to go on without, and is told what is lost
    stop_source_later  stops a source that was away when protection ended, once it is back
    finish_later       does at that site what was left undone, when it returns
"""
