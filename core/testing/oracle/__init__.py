"""A slow second opinion: what a grid on paper must do with a tape of trades, worked out alone."""
