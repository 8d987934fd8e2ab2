list(APPEND runtime_sources
  kernels/peak/peak.cpp kernels/peak/peak_avx2.cpp kernels/peak/peak_avx512.cpp
  kernels/peak/peak_avx512vnni.cpp)
list(APPEND runtime_tests kernels/peak/peak_test.cpp)
set_source_files_properties(kernels/peak/peak_avx2.cpp PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(kernels/peak/peak_avx512.cpp PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
set_source_files_properties(kernels/peak/peak_avx512vnni.cpp
                            PROPERTIES COMPILE_OPTIONS "${avx512vnni_flags}")
