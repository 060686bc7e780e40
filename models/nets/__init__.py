"""PyTorch architectures that KernelSight exports. Needs the `export` extra; serving never imports this.

To add one: write an `nn.Module` (an encoder subclasses `Encoder`), register its
builder below, and name it as `net` in a manifest. docs/models.md has the walk-through.
"""

from collections.abc import Callable

from torch import nn

from models.nets import clip
from models.nets.efficientnet_lite import EfficientNetLite0, EfficientNetLite2
from models.nets.mtcnn import ONet, PNet, RNet
from models.nets.nsfwjs import NsfwjsNet
from models.nets.picodet import PicoDetNet
from models.nets.torchvision_encoders import convnext_tiny, efficientnet_v2_s, mobilenet_v3_large, resnet50
from models.nets.yolox import yolox_m, yolox_nano, yolox_s
from models.nets.yunet import YuNetNet

# Every builder returns a module with random weights whose state_dict keys are those of the published weights.
BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "efficientnet_lite0": EfficientNetLite0,
    "efficientnet_lite2": EfficientNetLite2,
    "resnet50": resnet50,
    "convnext_tiny": convnext_tiny,
    "efficientnet_v2_s": efficientnet_v2_s,
    "mobilenet_v3_large": mobilenet_v3_large,
    "mtcnn_pnet": PNet,
    "mtcnn_rnet": RNet,
    "mtcnn_onet": ONet,
    "yunet": YuNetNet,
    "yolox_nano": yolox_nano,
    "yolox_s": yolox_s,
    "yolox_m": yolox_m,
    "picodet_s": PicoDetNet,
    "nsfwjs": NsfwjsNet,
    "clip_rn50_image": clip.clip_rn50_image,
    "clip_rn50_text": clip.clip_rn50_text,
    "clip_rn50x4_image": clip.clip_rn50x4_image,
    "clip_rn50x4_text": clip.clip_rn50x4_text,
    "clip_vit_b_32_image": clip.clip_vit_b_32_image,
    "clip_vit_b_32_text": clip.clip_vit_b_32_text,
}
