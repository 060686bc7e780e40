"""States which labels a picture shows, and how many of each: only what is certain enough to be said as a fact."""

import numpy as np

from pipelines.nms import Floats
from pipelines.objects.calibration import ObjectsCalibration, gather_evidence
from pipelines.objects.detections import Detections

COUNTED_FROM = 0.55  # the chance from which on a box counts as an object of its own
CROWD = 4.5  # objects to be expected from which on there are many: detectors miss some of most crowds
MIN_CHANCE = 0.1  # weaker boxes do not add up to objects
MANY = 6  # stands for "more than 5"


def state_labels(found: Detections, calibration: ObjectsCalibration, *, precision: float) -> dict[int, float]:
    """The classes that may be stated so that `precision` of them are right, the most certain first, with their chance
    to be in the picture.
    """
    evidence = gather_evidence(found)
    certainties = calibration.rate_labels(evidence)
    order = np.argsort(-certainties, kind="stable")
    stated = order[certainties[order] >= calibration.choose_cut(precision)]
    return {int(evidence.classes[row]): float(certainties[row]) for row in stated}


def count_objects(chances: Floats) -> int:
    """The number of objects of a class that is stated, from the calibrated scores (N,) of its boxes.

    Where many weak boxes say that there are more objects than can be told apart, it is at least MANY.
    """
    expected = chances[chances >= MIN_CHANCE].sum()
    count = max(1, int((chances >= COUNTED_FROM).sum()))
    return max(MANY, count) if expected >= CROWD else count
