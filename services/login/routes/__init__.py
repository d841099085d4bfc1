"""What `login` answers: the front channel, the pages, and its part of the Management API, one file each."""
