"""Starting frameworks: finding adapters and their interpreters, running them, surviving what they do."""
