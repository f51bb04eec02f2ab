"""The control plane: people's requests become jobs, jobs send orders to appliances, and reports become
facts."""
