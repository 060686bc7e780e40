"""What can go wrong with a second version of a model."""

from models.errors import KernelSightError


class CandidateUnknown(KernelSightError):
    code = "candidate-unknown"
