"""Losses of networks in competition."""
