"""Kill any of our processes, over and over, and count what was lost: nothing may be.

`sweep` kills at every seam of every verb on simulated sites; `storm` kills at random moments while real
guests are protected, failed over and brought home. `keeper` stands for the init system that starts again what
died.
"""
