"""The promised figures of this project, measured side by side with popular libraries. Run with ``make bench``."""
