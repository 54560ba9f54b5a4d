"""Whether journal, books and venue tell the same story, checked from outside."""
