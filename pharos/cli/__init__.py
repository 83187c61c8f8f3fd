"""The command line: a file for each group of commands, bodies that import what they need when they run."""
