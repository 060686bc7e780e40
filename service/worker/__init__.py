"""What jobs are about: an operation for later, a part of a batch, a message that one is done."""
