"""States which labels a picture shows, and how many of each: only what is certain enough to be said as a fact."""

import numpy as np

from pipelines.nms import Floats
from pipelines.objects.calibration import ObjectsCalibration, gather_evidence
from pipelines.objects.detections import Detections

COUNTED_FROM = 0.55  # the chance from which on a box counts as an object of its own
CROWD = 4.5  # objects to be expected from which on there are many: detectors miss some of most crowds
MIN_CHANCE = 0.1  # weaker boxes do not add up to objects
MANY = 6  # stands for "more than 5"


def count_labels(
    found: Detections, chances: Floats, calibration: ObjectsCalibration, *, precision: float
) -> dict[int, int]:
    """The number of objects by class, of the classes that may be stated, the most certain first.

    `chances` (N,) are the calibrated scores of `found`. Where many weak boxes say that there are more objects than
    can be told apart, the number is at least MANY.
    """
    evidence = gather_evidence(found)
    certainties = calibration.rate_labels(evidence)
    order = np.argsort(-certainties, kind="stable")
    stated = order[certainties[order] >= calibration.choose_cut(precision)]
    return {int(one): _count_objects(chances[found.classes == one]) for one in evidence.classes[stated]}


def _count_objects(chances: Floats) -> int:
    expected = chances[chances >= MIN_CHANCE].sum()
    count = max(1, int((chances >= COUNTED_FROM).sum()))
    return max(MANY, count) if expected >= CROWD else count
