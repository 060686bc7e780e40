"""What clients can have done, apart from how they ask: by REST now, as a job, as a line of a batch."""
