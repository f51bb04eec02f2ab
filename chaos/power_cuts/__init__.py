"""Cut the power of a disk at any write, and see whether all that was acknowledged is still there.

`kill -9` leaves the page cache; a power cut takes all that was not flushed. A site's home and store lie on a
file system whose writes and flushes are recorded while every verb is walked. Afterwards the record is played
back up to some write: what was flushed is there, of the writes since then any part is. What people and the
other site had been told by that moment must have survived.

    recorded_disk  a mounted file system whose writes are recorded
    write_log      the record, read
    cut_image      the disk as a power cut leaves it
    acknowledged   what was acknowledged, from which write on, and until when
    watcher        collects that while the verbs are walked
    judges         look at what a cut left, one for each kind of disk
    cutting        walk, cut, judge
"""
