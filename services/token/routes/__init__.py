"""What `token` answers: the token endpoint, discovery, and its part of the Management API, one file each."""
