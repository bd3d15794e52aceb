"""Finished runs -> one HTML page that a hospital director and a reviewer can each read."""
