set(folder kernels/gemm_f32)
list(APPEND runtime_sources
  ${folder}/gemm_f32.cpp ${folder}/gemm_f32_reference.cpp ${folder}/gemm_f32_avx2.cpp
  ${folder}/gemm_f32_avx512.cpp)
list(APPEND runtime_tests ${folder}/gemm_f32_test.cpp)
list(APPEND runtime_benchmarks ${folder}/gemm_f32_bench.cpp)
set_source_files_properties(${folder}/gemm_f32_avx2.cpp
  PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(${folder}/gemm_f32_avx512.cpp
  PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
