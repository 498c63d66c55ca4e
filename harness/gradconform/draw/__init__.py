"""From a network to a problem: every tensor made concrete."""
