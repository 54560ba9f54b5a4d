"""What a person sees of ctos: command line and screens."""
