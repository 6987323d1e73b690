"""The audit: attacks what was made, and says how much came back."""
