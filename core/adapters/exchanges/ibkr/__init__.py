"""Interactive Brokers through TWS or IB Gateway: stocks, currency pairs and crypto."""
