"""secondsite vault adopt.

commands  what is typed
shown     what is seen of it
"""

from .commands import adopt as adopt
