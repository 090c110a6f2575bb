"""Which instruction set the kernel uses: chosen once, overridable for tests and comparisons.

`QUANTDESK_SIMD=portable|avx2|avx512` in the environment does what `set_simd_path` does. AVX-512 and
AVX2 give the same bits; the portable path, where it has no fused multiply-add, agrees to a few
units in the last place.
"""

from quantdesk import _core

simd_path = _core.simd_path
simd_paths = _core.simd_paths
set_simd_path = _core.set_simd_path
