"""A second version of a model beside the first: compared on a sample of the traffic, promoted when told to."""
