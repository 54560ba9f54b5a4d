"""What everything is worth: equity, positions and what runs."""
