"""Which instruction set the kernel uses: chosen once, overridable for tests and comparisons.

`QUANTDESK_SIMD=unfused|portable|avx2|avx512` in the environment does what `set_simd_path` does.
AVX-512, AVX2 and the portable path give the same bits on a machine with fused multiply-add;
`unfused`, what older machines run, agrees to 4 units in the last place of a price in 99.9 % of rows
and to 16 in all (`pricing-core/tests/paths.rs`).
"""

from quantdesk import _core

simd_path = _core.simd_path
simd_paths = _core.simd_paths
set_simd_path = _core.set_simd_path
