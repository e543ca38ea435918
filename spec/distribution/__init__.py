"""Losses that are negative log-likelihoods and divergences of distributions."""
