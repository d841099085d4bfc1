"""Where a request goes: `table` says which service or document, `front` leads it there and back."""
