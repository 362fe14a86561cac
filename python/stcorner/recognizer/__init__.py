"""From a media file to emotion probabilities."""
