"""Writing ONNX: from the expressions of a graph to a model.

`saving.py` lowers a graph as it is when it does not learn, with its dimensions by name, and lets a Writer (`writer.py`)
write the expressions, each by its entry in `tables/`: composites, layers and gradients are made of other ops by then.
`layout.py` keeps transpositions of channels at the ends of a network, `known.py` computes what is fixed, `dtypes.py`
asks the standard's schemas which dtypes an op takes.

What has no entry, and why:

- Random numbers: ONNX has generators of its own, whose numbers are others.
- cholesky, eigh, inv, qr, solve, svd, triangular_solve: ONNX has no decompositions, nor solvers; det is there.
- roi_align by the maximum, and gradients of roi_align: ONNX says how large a maximum is, not where it is.
- bitcast: ONNX has it from opset 26 on.

What has an entry, but not for all operands: the gradients of pad_by (but for zeros), resize_to and fold_patches_to by
sizes that are computed; and, along an axis of which only the name is known, dct, patches, and the gradients of Fourier
transforms, of resize, and of padding that repeats. Opset 21 lacks int2, uint2, float4_e2m1fn and float8_e8m0fnu.
"""
