"""What a run leaves on disk beside the video: paths, previews, run manifests, folders of results."""
