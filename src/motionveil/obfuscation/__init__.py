"""Complete obfuscation methods, and the settings that build them."""
