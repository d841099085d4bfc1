"""The rules of `login`."""
