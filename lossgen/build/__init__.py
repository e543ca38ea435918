"""From formulas to a package on the disk: what to build, the text of every file, and writing it."""
