"""Recovery points: what people may ask of them.

Its rooms:

    recovery_points  lists, previews, and jobs about one point
    holds            kept, whatever retention says
    files            files out of a point
    sent_files       these on their way to a person
"""

from .files import PointFiles
from .holds import Holds
from .recovery_points import Points, loses_seconds
from .sent_files import FilesOnTheWay

__all__ = ["FilesOnTheWay", "Holds", "PointFiles", "Points", "loses_seconds"]
