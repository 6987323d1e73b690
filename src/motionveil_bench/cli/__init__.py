"""The command ``motionveil bench``."""
