"""Every word the screens show, one module per language."""
