"""What may be chosen: points to start from (`shapes`), and appliances that could hold a replica (`candidates`)."""
