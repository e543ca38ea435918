"""The formulas: one loss a function, one family a folder."""
