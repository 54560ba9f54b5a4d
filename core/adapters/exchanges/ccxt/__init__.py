"""The ccxt door: any venue that ccxt knows, by name, with nothing sent that nobody asked for."""
