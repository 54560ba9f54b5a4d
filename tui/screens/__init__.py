"""One screen per app; each composes its panels and forwards what they say."""
