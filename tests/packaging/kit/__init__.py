"""Runs packages in fresh roots. Uses only the standard library and the programs of the machine outside of the root."""
