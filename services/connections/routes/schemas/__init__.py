"""The resources of the Management API as data: what a body may say, in Auth0's names and shapes."""
