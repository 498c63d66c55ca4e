"""gradconform: a cross-framework gradient conformance harness."""

__version__ = "0.1.0"
