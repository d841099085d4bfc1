"""The state rows of `login`."""
