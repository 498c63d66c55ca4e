"""Specs as tests of one's own: `assert_conforms` and the pytest plugin."""
