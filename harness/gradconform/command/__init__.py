"""The command `gradconform`: one file for each of its commands."""
