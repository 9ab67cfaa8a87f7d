"""The programs: one module for each, which turns flags into calls."""
