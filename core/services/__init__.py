"""The features of ctos, one room each, over one layer of venues."""
