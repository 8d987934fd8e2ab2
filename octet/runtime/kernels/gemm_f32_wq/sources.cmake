set(folder kernels/gemm_f32_wq)
list(APPEND runtime_sources
  ${folder}/gemm_f32_wq.cpp ${folder}/gemm_f32_wq_reference.cpp ${folder}/gemm_f32_wq_avx2.cpp
  ${folder}/gemm_f32_wq_avx512.cpp)
list(APPEND runtime_tests ${folder}/gemm_f32_wq_test.cpp)
list(APPEND runtime_benchmarks ${folder}/gemm_f32_wq_bench.cpp)
set_source_files_properties(${folder}/gemm_f32_wq_avx2.cpp
  PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
# Without the sanitizers of the build: they take four minutes for these 96 unrolled tiles. What the
# tests give the kernels lies between guard pages.
set_source_files_properties(${folder}/gemm_f32_wq_avx512.cpp
  PROPERTIES COMPILE_OPTIONS "${avx512_flags};-fno-sanitize=address,undefined")
