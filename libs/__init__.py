"""What every service needs and none owns; nothing in here knows a service."""
