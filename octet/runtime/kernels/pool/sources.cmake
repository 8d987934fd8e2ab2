list(APPEND runtime_sources
  kernels/pool/pool.cpp kernels/pool/pool_reference.cpp
  kernels/pool/pool_avx2.cpp kernels/pool/pool_avx512.cpp)
list(APPEND runtime_tests kernels/pool/pool_test.cpp)
set_source_files_properties(kernels/pool/pool_avx2.cpp PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(kernels/pool/pool_avx512.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
