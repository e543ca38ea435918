"""Losses over preferences between answers."""
