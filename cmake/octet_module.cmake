# octet_module(name SOURCES ... [TESTS ...] [BENCHMARKS ...] [DEPS ...] [TEST_DEPS ...])
#
# One folder, one static library `octet_<name>`, one test program `octet_<name>_test` whose cases
# ctest lists one by one, and one Google Benchmark program `octet_<name>_bench`.
include(GoogleTest)

# Tests are half of what there is to compile, and a third of their time went into optimizing code
# that runs once. What they test is optimized as it ships.
# Under the sanitizers (Debug) optimizing them costs more than they need to run.
set(octet_test_options $<$<CONFIG:Release>:-O1> $<$<CONFIG:Debug>:-O0>)
if(OCTET_WITH_FUZZERS)
  list(APPEND octet_test_options -fno-sanitize=fuzzer-no-link)  # nobody counts the edges of tests
endif()

# octet_unity(target): a program of many small files, most of whose time goes into the headers that
# they share (GoogleTest, CLI11, nlohmann/json), so that compiling several at a time takes half.
function(octet_unity target)
  if(OCTET_UNITY_TESTS)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
endfunction()

function(octet_module name)
  cmake_parse_arguments(M "" "" "SOURCES;TESTS;BENCHMARKS;DEPS;TEST_DEPS" ${ARGN})
  add_library(octet_${name} STATIC ${M_SOURCES})
  target_include_directories(octet_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(octet_${name} PUBLIC ${M_DEPS})
  if(M_TESTS AND OCTET_WITH_TESTS)
    add_executable(octet_${name}_test ${M_TESTS})
    octet_unity(octet_${name}_test)
    target_compile_options(octet_${name}_test PRIVATE ${octet_test_options})
    target_link_libraries(octet_${name}_test PRIVATE octet_${name} ${M_TEST_DEPS}
                                                     GTest::gmock GTest::gtest_main)
    gtest_discover_tests(octet_${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                         PROPERTIES TIMEOUT 300)
  endif()
  if(M_BENCHMARKS AND OCTET_WITH_BENCHMARKS)
    add_executable(octet_${name}_bench ${M_BENCHMARKS})
    target_link_libraries(octet_${name}_bench PRIVATE octet_${name} benchmark::benchmark_main)
  endif()
endfunction()

# octet_compile_apart(FILE...): files of which a private name (in an unnamed namespace) is also a
# name of another file of their folder, so that a unity build (octet_unity, and CMAKE_UNITY_BUILD,
# which CI takes for the sanitizers) has to compile them by themselves.
function(octet_compile_apart)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
