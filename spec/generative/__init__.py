"""Losses for models that generate data."""
