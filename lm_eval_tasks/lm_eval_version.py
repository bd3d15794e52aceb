"""Which lm-eval is installed, where tasks have to say the same thing in another way."""

from importlib.metadata import version

NEXT = [int(part) for part in version("lm_eval").split(".")[:2]] >= [0, 5]
"""0.5 or later, of which 0.5.0.dev1 was tried."""
