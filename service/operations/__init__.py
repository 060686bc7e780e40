"""Operations: the work behind the routes without HTTP, which REST, jobs and batches share."""
