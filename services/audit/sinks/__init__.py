"""Where events go: into the feed, and from there to its subscribers."""
