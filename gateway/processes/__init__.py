"""Several processes on one port: their supervisor, what a worker inherits, and the port."""
