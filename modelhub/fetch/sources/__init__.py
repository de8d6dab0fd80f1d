"""The sources of models: Hugging Face, Civitai, ModelScope and plain URLs."""
