"""Where the keys of live accounts are kept, and how they get out again."""
