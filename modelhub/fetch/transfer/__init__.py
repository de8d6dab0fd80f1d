"""Downloads of model files: resumable, verified, over several connections."""
