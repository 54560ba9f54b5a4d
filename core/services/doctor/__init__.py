"""What is well and what is not: small judgements on facts that somebody else gathered."""
