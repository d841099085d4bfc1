"""The rules of `audit`: what is public, and who may read it. Pure."""
