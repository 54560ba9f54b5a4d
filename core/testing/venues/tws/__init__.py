"""TWS on 127.0.0.1: the text protocol of Interactive Brokers at server version 176."""
