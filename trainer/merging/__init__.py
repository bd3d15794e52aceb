"""An adapter and its base -> one model."""
