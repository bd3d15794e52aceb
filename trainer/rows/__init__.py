"""Own documents -> instruction rows that a local model writes, each with its source."""
