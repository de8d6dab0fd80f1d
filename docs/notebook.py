# %% [markdown]
# # A look at a folder of models
# Run this file cell by cell in an editor or notebook, or as a script: `python docs/notebook.py FOLDER`.

# %%
import sys
from collections import Counter
from pathlib import Path

import modelhub

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "~/models").expanduser()

# %% What is in the folder? Nothing is cataloged, loaded or executed yet.
files = [path for path in sorted(folder.rglob("*")) if path.suffix in {".safetensors", ".ckpt", ".pt", ".gguf"}]
for found in modelhub.inspect_many(files):
    detection = found.detection
    architecture = detection.architecture or " or ".join(detection.architecture_candidates) or "unknown"
    print(f"{found.path.name:40} {detection.type.value:12} {architecture:18} {found.safety.verdict}")

# %% Catalog it: each file is read once for all its hashes.
library = modelhub.Library.open(folder / "library")
print(Counter(result.status.value for result in library.add(folder)))

# %% Anything to worry about?
for record in library.models("verdict:dangerous"):
    print(f"{record.name}: {'; '.join(record.safety.findings)}")
for group, count in Counter(record.detection.architecture for record in library.models("type:lora")).items():
    print(f"LoRAs for {group or 'an unknown architecture'}: {count}")

# %% How is one of them used?
for record in library.models("type:lora")[:1]:
    print("\n".join(library.show(record).advice))

# %%
library.close()
