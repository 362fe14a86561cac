"""A convolutional network of log-mel spectrograms: trained by Keras, run by numpy."""
