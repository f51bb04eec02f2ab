"""What goals are compared with."""
