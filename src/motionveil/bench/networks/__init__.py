"""Networks that recognise actions and people."""
