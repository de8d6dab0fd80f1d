"""The only mover of bytes: resumable, verified, parallel downloads."""
