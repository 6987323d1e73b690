"""Files beside the output video: paths, previews, run manifests, result folders."""
