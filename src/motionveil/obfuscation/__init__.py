"""Whole methods, clips in and clips out, and the settings that make them."""
