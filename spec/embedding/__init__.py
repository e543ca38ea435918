"""Losses over embeddings and similarities."""
