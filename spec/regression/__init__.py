"""Losses for continuous targets."""
