"""The control plane: what people ask for becomes jobs, jobs become orders, reports become facts."""
