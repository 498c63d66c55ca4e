"""Runs that are kept: put in place whole, read back by the hundred, compared."""
