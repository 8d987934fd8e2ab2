list(APPEND runtime_sources
  kernels/eltwise/eltwise.cpp kernels/eltwise/eltwise_reference.cpp
  kernels/eltwise/eltwise_avx2.cpp kernels/eltwise/eltwise_avx512.cpp)
list(APPEND runtime_tests kernels/eltwise/eltwise_test.cpp)
list(APPEND runtime_benchmarks kernels/eltwise/eltwise_bench.cpp)
set_source_files_properties(kernels/eltwise/eltwise_avx2.cpp PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(kernels/eltwise/eltwise_avx512.cpp PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
