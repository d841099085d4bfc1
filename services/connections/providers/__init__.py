"""What leaves the house: the queue of deliveries, mails with their words, and logouts told to applications."""
