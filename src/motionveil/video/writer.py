"""Writes an output that appears under its name only when it is complete."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from motionveil._core.atomic_files import remove, remove_empty, take_place
from motionveil._core.errors import OptionError, OutputError
from motionveil._core.types import Clip, UInt16Array, VideoInfo

from .encoder import Encoder
from .encoding import CODECS, Encoding, choose, choose_images
from .images import ALPHA_IMAGE_SUFFIXES, alpha_of
from .photo_tags import NAMED, TAGGED_SUFFIXES, PhotoTags, read_photo_tags
from .picture_writer import PictureWriter
from .target import Target, as_output_errors

_USUAL = Encoding()


class VideoWriter:
    """Writes clips to a video file, a still image, or a folder of numbered images; a context manager.

    The target appears when the ``with`` block ends without an exception. Otherwise nothing is written, and an existing
    file is left as it was.

    Args:
        target: The extension selects the format; no extension, or a pattern such as ``frames/%06d.png``, selects a
            folder of images.
        info: The properties of the source; its ``start`` becomes time 0.
        encoding: Codec, quality and more.
        audio_from: The source file, for audio and tags if ``encoding`` keeps them, and for the transparency of an
            image.
        private: Make the output readable by its owner only, as it is while being written.

    Raises:
        OutputError: If the target exists, is not writable, the disk is full, or no frame was written.
        OptionError: If the format does not support the encoding.

    Example:
        ```
        with open_source("film.mp4") as source, VideoWriter("copy.mp4", source.info) as writer:
            for clip in source:
                writer.write(clip)
        ```
    """

    def __init__(
        self,
        target: str | Path,
        info: VideoInfo,
        *,
        encoding: Encoding = _USUAL,
        audio_from: str | Path | None = None,
        private: bool = False,
    ) -> None:
        self.notices: list[str] = []
        """Messages about unusual properties of the output."""
        self._target = Target.parse(target)
        self._info = info
        self._count = 0
        self._overwrite, self._private = encoding.overwrite, private
        self._finished = self._committed = False
        self._is_deep = encoding.colours == "keep" and info.colours is not None
        self._sink: PictureWriter | Encoder | None = None
        self._target.check([] if audio_from is None else [audio_from], encoding.overwrite)
        self._temporary, self._made = self._target.temporary()
        try:
            with as_output_errors(self._target.path):
                if self._target.is_folder or self._target.is_still:
                    self._sink = self._picture_writer(encoding, audio_from)
                else:
                    self._sink = self._encoder(encoding, audio_from)
        except BaseException:
            self._abandon()
            raise

    def _picture_writer(self, encoding: Encoding, source: str | Path | None) -> PictureWriter:
        if encoding.audio == "keep":
            raise OptionError("images cannot hold audio: omit `audio`, or write a video")
        pattern = self._target.pattern
        suffix = choose_images(Path(pattern or self._target.path), encoding)
        quality = CODECS["jpg"].quality if encoding.quality is None else encoding.quality
        tags = self._photo_tags(suffix, source, encoding.named_tags) if encoding.keeps_tags else None
        alpha = None
        if self._info.is_image and self._target.is_still and source is not None:
            alpha = alpha_of(Path(source))
        if alpha is not None and suffix not in ALPHA_IMAGE_SUFFIXES:
            self.notices.append(f"{suffix} images cannot be transparent: those parts of {source} become black")
            alpha = None
        return PictureWriter(
            self._temporary, suffix, f"%06d{suffix}" if pattern == "" else pattern, quality, alpha, tags
        )

    def _photo_tags(self, suffix: str, source: str | Path | None, named: tuple[str, ...]) -> PhotoTags:
        """The tags that the output keeps of a photo."""
        if source is None or not (self._info.is_image and self._target.is_still and suffix in TAGGED_SUFFIXES):
            raise OptionError(
                "tags can be kept from one photo to one JPEG or PNG, or from a video to a video: omit `metadata`"
            )
        tags = read_photo_tags(Path(source), named)
        kept = ", ".join(tags.names) or "none"
        left = ", ".join([*(name for name in NAMED if name not in named), "names"])
        self.notices.append(f"tags kept: {kept}; {left} and thumbnails are dropped")
        return tags

    def _encoder(self, encoding: Encoding, audio_from: str | Path | None) -> Encoder:
        codec, container = choose(self._target.path, encoding, deep=self._is_deep)
        if (encoding.audio == "keep" or encoding.keeps_tags) and not (audio_from and Path(audio_from).is_file()):
            raise OptionError(
                "audio and tags can be kept only if the source is a video file: omit `audio` and `metadata`"
            )
        encoder = Encoder(self._temporary, self._info, codec, container, encoding.options(codec), deep=self._is_deep)
        self._sink = encoder  # to be closed if the rest fails
        encoder.start(
            sound=audio_from if encoding.audio == "keep" and self._info.has_audio else None,
            tags=audio_from if encoding.keeps_tags else None,
            target=self._target.path,
        )
        self.notices += encoder.notices
        return encoder

    def write(self, clip: Clip, deep: UInt16Array | None = None) -> None:
        """Write the next frames, in the size given by ``info``, at their times.

        Args:
            clip: The frames.
            deep: (T, H, W, 3) uint16, the same frames in the colours of ``info``; written instead if the encoding
                keeps colours.
        """
        if self._is_deep and deep is None:
            raise OptionError(
                "a writer that keeps colours needs frames at full depth: pass deep=, or use colours='standard'"
            )
        size = (self._info.height, self._info.width)
        if clip.frames.shape[1:3] != size:
            height, width = clip.frames.shape[1:3]
            raise OptionError(f"frames for this writer must be {size[1]}x{size[0]}, not {width}x{height}")
        assert self._sink is not None
        with as_output_errors(self._target.path):
            frames = deep if self._is_deep and deep is not None else clip.frames
            for frame, time in zip(frames, clip.pts, strict=True):
                self._sink.write(frame, time, self._count)
                self._count += 1

    def finish(self) -> Path:
        """Complete the file under its temporary name, which is returned; `commit` moves it to the target."""
        if not self._finished:
            if not self._count:
                raise OutputError(f"no frame was written to {self._target.path}: check the source")
            assert self._sink is not None
            with as_output_errors(self._target.path):
                self._sink.finish()
                self._sink.close()
            self._finished = True
        return self._temporary

    def commit(self) -> None:
        """Move the complete file to the target. Leaving the ``with`` block does both; calling it again is harmless."""
        self.finish()
        if not self._committed:
            with as_output_errors(self._target.path):
                take_place(self._temporary, self._target.path, overwrite=self._overwrite, private=self._private)
            self._committed = True

    def _abandon(self) -> None:
        remove(self._temporary)
        if self._sink is not None:
            self._sink.close()
        remove(self._temporary)  # closing a container may have written its trailer
        remove_empty(self._made)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.commit()
        finally:
            self._abandon()
