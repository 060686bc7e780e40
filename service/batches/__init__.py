"""OpenAI-style batches over REST: a file of requests in, a file of answers out."""
