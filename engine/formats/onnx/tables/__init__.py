"""The entries of ONNX's ops, a file per family. A new file is found by being here."""
