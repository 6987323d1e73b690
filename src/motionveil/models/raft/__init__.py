"""RAFT: optical flow from all-pairs correlation with iterative refinement (Teed and Deng, ECCV 2020). Requires torch.

Parameters have the names of the authors' code, so that its checkpoints load directly; torchvision's are renamed. The
work per frame (`RAFT.encode`) is separate from the work per pair (`RAFT.estimate`), so that each frame of a video is
encoded once.
"""

from .architecture import ARCHITECTURES, Architecture
from .checkpoint import from_torchvision, load_raft
from .network import RAFT, EncodeStep, Features

__all__ = ["ARCHITECTURES", "RAFT", "Architecture", "EncodeStep", "Features", "from_torchvision", "load_raft"]
