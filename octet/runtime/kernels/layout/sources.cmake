list(APPEND runtime_sources kernels/layout/layout.cpp)
list(APPEND runtime_tests kernels/layout/layout_test.cpp)
