list(APPEND runtime_sources
  kernels/depthwise/depthwise.cpp kernels/depthwise/depthwise_pack.cpp
  kernels/depthwise/depthwise_reference.cpp kernels/depthwise/depthwise_avx2.cpp
  kernels/depthwise/depthwise_avx512.cpp kernels/depthwise/depthwise_avx512vnni.cpp)
list(APPEND runtime_tests kernels/depthwise/depthwise_test.cpp)
list(APPEND runtime_benchmarks kernels/depthwise/depthwise_bench.cpp)
set_source_files_properties(kernels/depthwise/depthwise_avx2.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(kernels/depthwise/depthwise_avx512.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
set_source_files_properties(kernels/depthwise/depthwise_avx512vnni.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx512vnni_flags}")
