"""Builds the face finder from the models that were selected for the task "faces"."""

from models.manifest import CatalogInvalid
from pipelines.faces.detector import Detector
from pipelines.faces.finder import FaceFinder
from pipelines.faces.mtcnn import MtcnnDetector
from pipelines.faces.verification import FaceVerifier
from pipelines.faces.yunet import YuNetDetector
from pipelines.resources import PipelineResources


def build_face_finder(resources: PipelineResources) -> FaceFinder:
    onet = resources.models["faces"].manifests[-1]  # it verifies both detectors' candidates
    verifier = FaceVerifier(onet, resources.used(onet), resources.infer_many, resources.pool)
    return FaceFinder(_build_detector(resources), verifier, resources.pool)


def _build_detector(resources: PipelineResources) -> Detector:
    selected = resources.models["faces"]
    used = tuple(map(resources.used, selected.manifests))
    if selected.name == "yunet":
        return YuNetDetector(selected.manifests[0], used[0], resources.infer, resources.pool)
    if selected.name == "mtcnn":
        pnet, rnet, onet = selected.manifests
        return MtcnnDetector(pnet, rnet, onet, used, resources.infer, resources.infer_many, resources.pool)
    raise CatalogInvalid(f"tasks.toml: faces can be done by yunet or mtcnn, not by {selected.name!r}")
