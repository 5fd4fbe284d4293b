"""How each op of flowloom is written in ONNX's, a file per family. A file here is found by being here."""
