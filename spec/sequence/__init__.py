"""Losses over lattices: sums over all alignments of two sequences, or over all paths through states."""
