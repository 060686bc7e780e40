"""The pictures that nets are looked at with, as the tensors that manifests ask for."""

import numpy as np
import pytest
from PIL import Image

from models.kernels.inspection import sees_whole_pictures
from models.kernels.probe_images import drawn, item
from models.manifest import Manifest
from models.registry import Catalog
from pipelines.image.preprocess import central_crop
from pipelines.moderation.signals.nsfw import tensor

PLAIN = Image.new("RGB", (400, 300), (250, 120, 10))


@pytest.mark.parametrize("manifest", list(Catalog.load()), ids=lambda manifest: manifest.id)
def test_every_model_of_the_catalog_is_shown_tensors_that_it_accepts(manifest: Manifest) -> None:
    shown = item(drawn()[0], manifest.input)

    assert (shown.shape in manifest.input.item_shapes, shown.dtype) == (True, np.dtype(manifest.input.dtype))


def test_colours_and_means_are_those_of_the_pipelines() -> None:
    encoder, opennsfw = Catalog.load().get("efficientnet-lite0"), Catalog.load().get("opennsfw")
    through_jpeg = tensor(PLAIN, (0, 0, *PLAIN.size), opennsfw)

    assert np.array_equal(item(PLAIN, encoder.input), central_crop(PLAIN, encoder.input))
    assert np.abs(item(PLAIN, opennsfw.input) - through_jpeg).max() <= 3


def test_traffic_is_shown_to_nets_of_whole_pictures_only() -> None:
    catalog = Catalog.load()
    partial = {one.id for one in catalog if not sees_whole_pictures(one)}

    assert partial == {"mtcnn-onet", "mtcnn-rnet", "ppocr-v2-cls", "ppocr-v6-rec-small"}
