"""Re-identification among given persons."""

from .crops import Box, Finder, PersonFinder, Place
from .embeddings import EMBEDDINGS, AppearanceEmbedding, Crop, Embedding, FaceEmbedding, ONNXEmbedding
from .ranking import OWN, Attempt, Identification, Rank1, identify, rank1

__all__ = [
    "EMBEDDINGS",
    "OWN",
    "AppearanceEmbedding",
    "Attempt",
    "Box",
    "Crop",
    "Embedding",
    "FaceEmbedding",
    "Finder",
    "Identification",
    "ONNXEmbedding",
    "PersonFinder",
    "Place",
    "Rank1",
    "identify",
    "rank1",
]
