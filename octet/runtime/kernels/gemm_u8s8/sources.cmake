set(folder kernels/gemm_u8s8)
list(APPEND runtime_sources
  ${folder}/gemm_u8s8.cpp ${folder}/gemm_u8s8_reference.cpp ${folder}/gemm_u8s8_avx2.cpp
  ${folder}/gemm_u8s8_avx512vnni.cpp)
list(APPEND runtime_tests ${folder}/gemm_u8s8_test.cpp)
list(APPEND runtime_benchmarks ${folder}/gemm_u8s8_bench.cpp)
set_source_files_properties(${folder}/gemm_u8s8_avx2.cpp
  PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(${folder}/gemm_u8s8_avx512vnni.cpp
  PROPERTIES COMPILE_OPTIONS "${avx512vnni_flags}")
