"""Complete runs from a source to files: obfuscation, saliency maps, exports."""
