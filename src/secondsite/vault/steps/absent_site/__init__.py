"""Going on when one of a machine's two sites is gone, perhaps for ever.

giving_up     an operator names the site to go on without, and hears what is lost with it
stop_source_later  a source that was away when protection ended stops replicating once it is back
finish_later  what was left undone there is done when it returns
"""
