"""Losses that ask for a margin between scores."""
