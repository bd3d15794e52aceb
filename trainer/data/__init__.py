"""Rows of many forms -> examples -> tokens."""
