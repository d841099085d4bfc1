"""What is read of the rows of `login`: a function per question."""
