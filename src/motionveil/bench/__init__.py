"""The benchmark: every method meets the same networks, splits and attackers, frozen and retrained."""
