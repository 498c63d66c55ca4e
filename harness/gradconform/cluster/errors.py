"""What a user can mend of a cluster."""

from __future__ import annotations

from gradconform.errors import UsageError


class ClusterError(UsageError):
    """A cluster cannot be used; the message says where, what came, what was expected and what to do next."""
