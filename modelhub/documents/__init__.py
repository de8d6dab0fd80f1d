"""The JSON documents that programs rely on: what `--json` prints, what the Python API hands over as data.

How a document is made:

* One module per family (`inspection`, `model`, `library`, …). A document is a `Document` (a frozen `msgspec.Struct`)
  whose fields are the published keys, in the order in which people read them. A published key is never renamed or
  removed, and keeps its meaning; keys may be added.
* Every key is always there: a value that does not apply is None or empty. Paths are absolute text, sizes are bytes,
  times are seconds or ISO 8601 in UTC. A field may hold a frozen dataclass or an enum of `modelhub.domain` as it is.
* A command that prints one JSON object prints an `ObjectDocument`, which carries `"modelhub": 1`, the version of the
  documents. An array stays a bare array of `Document`s.
* A function beside the document, named after it, makes it from values of `modelhub.domain`. Results of an operation are
  filled in by the caller: this package is below operations and imports only `modelhub.domain` and `modelhub.errors`.
* `cli.output.print_json` prints documents, lists of them, and plain values.
* Each document that a command prints is a row of `schemas.PUBLISHED`. `python tools/schemas.py` writes the JSON Schemas
  of docs/schemas from these rows; tests/documents compares them, and checks what the commands print against them.

`stored` is different: the form in which the catalog keeps detections and safety reports, as light as `modelhub list`
needs it. Import the other modules only where JSON is made: msgspec takes longer to load than a listing takes.
"""
