"""Questions, lists and explanations that lie over a screen."""
