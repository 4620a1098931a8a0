"""The figures that this project promises, measured side by side with what people use today. Run with ``make bench``."""
