"""From a source to finished files: obfuscation, saliency maps, exported steps."""
