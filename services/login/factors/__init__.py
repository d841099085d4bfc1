"""How people prove who they are: a file per way, and what goes with it."""
