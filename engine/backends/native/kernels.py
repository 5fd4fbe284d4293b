"""The families of native kernels; importing this registers their lowerings."""

from flowloom.backends.native import arranging as arranging
from flowloom.backends.native import convolution as convolution
from flowloom.backends.native import extremes as extremes
from flowloom.backends.native import indexing as indexing
from flowloom.backends.native import labels as labels
from flowloom.backends.native import pooling as pooling
from flowloom.backends.native import products as products
from flowloom.backends.native import randomness as randomness
from flowloom.backends.native import resizing as resizing
from flowloom.backends.native import scans as scans
from flowloom.backends.native import scattering as scattering
from flowloom.backends.native import sequences as sequences
from flowloom.backends.native import sorting as sorting
