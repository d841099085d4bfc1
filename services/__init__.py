"""The services of Limen, each a room of its own, and the command line that starts them."""
