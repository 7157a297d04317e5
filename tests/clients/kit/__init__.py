"""What the client suites are run with. Only the standard library: it is there before anything is installed."""
