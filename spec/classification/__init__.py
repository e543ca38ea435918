"""Losses for discrete targets."""
