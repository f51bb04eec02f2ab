"""Evidence as a page for people: one file, nothing is loaded from elsewhere, made to be printed.

rendering   the page
telling     what it says of the whole: its verdict and its figures
machines    what it says of each machine
durations   steps with their times, as bars
words       text that others wrote, times and amounts, as they are shown
page.html   how it looks
"""

from .rendering import page

__all__ = ["page"]
