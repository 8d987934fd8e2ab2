# Flags of the whole build. Instruction-set flags are never set here: they belong to single kernel
# files (octet/runtime/CMakeLists.txt), so that the binary runs on any machine of the architecture.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the source folder count as relative, so that build folders share their objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
                                  ${CCACHE})
endif()

# Contraction into fused multiply-add would change results between instruction sets (numerics 5).
add_compile_options(-ffp-contract=off -Wall -Wextra -Wno-missing-field-initializers)
if(OCTET_WARNINGS_AS_ERRORS)
  # GCC 12 sees overlapping copies in std::string where there are none (GCC bug 105651); Clang 19
  # reads the deprecated std::get_temporary_buffer in the standard library's std::stable_sort.
  add_compile_options(-Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                      $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
endif()
if(OCTET_SANITIZE)
  add_compile_options(-fsanitize=${OCTET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OCTET_SANITIZE})
endif()
if(OCTET_WITH_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)  # counts edges; the targets bring the engine
endif()
find_package(Threads REQUIRED)
