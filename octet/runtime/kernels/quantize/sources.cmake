list(APPEND runtime_sources
  kernels/quantize/quantize.cpp kernels/quantize/quantize_reference.cpp
  kernels/quantize/quantize_avx2.cpp kernels/quantize/quantize_avx512.cpp)
list(APPEND runtime_tests kernels/quantize/quantize_test.cpp)
list(APPEND runtime_benchmarks kernels/quantize/quantize_bench.cpp)
set_source_files_properties(kernels/quantize/quantize_avx2.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(kernels/quantize/quantize_avx512.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
