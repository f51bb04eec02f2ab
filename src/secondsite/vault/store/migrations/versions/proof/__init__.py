"""Points that are verified by booting them, and what a configuration's check found."""
