"""The rules of `connections`: one module per aggregate, pure."""
