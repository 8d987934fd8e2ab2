list(APPEND runtime_sources
  kernels/table/table.cpp kernels/table/table_reference.cpp
  kernels/table/table_avx2.cpp kernels/table/table_avx512.cpp)
list(APPEND runtime_tests kernels/table/table_test.cpp)
list(APPEND runtime_benchmarks kernels/table/table_bench.cpp)
set_source_files_properties(kernels/table/table_avx2.cpp PROPERTIES COMPILE_OPTIONS "${avx2_flags}")
set_source_files_properties(kernels/table/table_avx512.cpp PROPERTIES COMPILE_OPTIONS "${avx512_flags}")
