"""What must be true, always or at rest; each has a name, a sentence, and says when it is not."""
