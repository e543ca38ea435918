"""The handbook: every loss's page with its plots and measured accuracy, as LaTeX, PDF and a static site."""
