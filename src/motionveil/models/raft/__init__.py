"""RAFT: optical flow from all pairs of features, refined step by step (Teed and Deng, ECCV 2020). Needs torch.

Parameters carry the names of the authors' code, so that its checkpoints load as they are; torchvision's are renamed.
The work on one frame (`RAFT.encode`) is apart from the work on a pair (`RAFT.estimate`): a frame of a video is encoded
once and serves in two pairs.
"""

from .architecture import ARCHITECTURES, Architecture
from .checkpoint import from_torchvision, load_raft
from .network import RAFT, EncodeStep, Features

__all__ = ["ARCHITECTURES", "RAFT", "Architecture", "EncodeStep", "Features", "from_torchvision", "load_raft"]
