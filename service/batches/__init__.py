"""Batches over REST in the shape of OpenAI's: a file of requests in, a file of answers out."""
