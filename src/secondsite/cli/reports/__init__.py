"""secondsite report: the weekly report as a text, a page, a PDF or tables.

Its rooms:

    commands   the command
    tables     what it says, in sections of rows
    page       the sections as a page; page.html is how it looks
    csv_files  the sections as files
    pdf        the sections as a PDF, drawn by a process of its own
    drawing    what that process does
"""

from .commands import report

__all__ = ["report"]
