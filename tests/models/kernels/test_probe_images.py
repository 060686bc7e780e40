"""Probe images become the tensors that manifests ask for."""

import numpy as np
import pytest
from PIL import Image

from models.kernels.inspection import takes_whole_pictures
from models.kernels.probe_images import draw_probe_images, to_item
from models.manifest import InputContract, Manifest
from models.registry import Catalog
from pipelines.image.preprocess import crop_centre
from pipelines.moderation.signals.nsfw import make_tensor

PICTURED = [one for one in Catalog.load() if isinstance(one.input, InputContract)]
PLAIN = Image.new("RGB", (400, 300), (250, 120, 10))


@pytest.mark.parametrize("manifest", PICTURED, ids=lambda manifest: manifest.id)
def test_every_catalog_model_accepts_the_probe_items(manifest: Manifest) -> None:
    item = to_item(draw_probe_images()[0], manifest.input)

    assert item.shape in manifest.input.item_shapes
    assert item.dtype == np.dtype(manifest.input.dtype)


def test_colours_and_means_are_those_of_the_pipelines() -> None:
    encoder, opennsfw = Catalog.load().get("efficientnet-lite0"), Catalog.load().get("opennsfw")
    through_jpeg = make_tensor(PLAIN, (0, 0, *PLAIN.size), opennsfw)

    assert np.array_equal(to_item(PLAIN, encoder.input), crop_centre(PLAIN, encoder.input))
    assert np.abs(to_item(PLAIN, opennsfw.input) - through_jpeg).max() <= 3


def test_only_nets_of_whole_pictures_get_traffic() -> None:
    partial = {one.id for one in PICTURED if not takes_whole_pictures(one)}

    assert partial == {"mtcnn-onet", "mtcnn-rnet", "ppocr-v2-cls", "ppocr-v6-rec-small"}


def test_nets_of_texts_get_no_traffic() -> None:
    assert not takes_whole_pictures(Catalog.load().get("clip-rn50-text"))
