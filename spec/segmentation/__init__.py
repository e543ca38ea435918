"""Losses that measure the overlap of regions."""
