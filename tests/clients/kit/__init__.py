"""Runs the client suites. Uses only the standard library, because nothing else is installed yet."""
