"""The rules of `token`, one file per aggregate: what is remembered, what a fact changes, what a command causes."""
