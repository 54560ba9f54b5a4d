"""What guards a grid: small rules, asked in a stated order on one consistent picture."""
