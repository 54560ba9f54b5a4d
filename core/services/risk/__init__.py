"""Asked before every order; fails closed; halts are latched and journaled."""
