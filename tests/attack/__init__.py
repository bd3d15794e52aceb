"""Attacks on files that others may have made: `make attack`, and parts of it in `make test`."""
