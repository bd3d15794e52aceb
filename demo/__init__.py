"""What `make demo` runs: everything that jmed does, small enough for a laptop without a GPU."""
