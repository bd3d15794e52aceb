"""The `jmed` command, a module a command."""
