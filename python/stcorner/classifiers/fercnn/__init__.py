"""The paper's convolutional network over 162 features: built and trained by Keras, run by numpy."""
