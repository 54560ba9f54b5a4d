"""Widgets that show one piece of data each, drawn line by line."""
