# One library target per folder of src/, one test program beside it. Nothing else in the
# build files should need a compiler flag or a third-party include path.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(FMT REQUIRED IMPORTED_TARGET fmt)
pkg_check_modules(SPDLOG REQUIRED IMPORTED_TARGET spdlog)

add_library(calico_flags INTERFACE)
target_compile_options(calico_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror)
# What follows from the optimiser's view of the flow is a hint, not a verdict: GCC 12 warns of std::string and
# std::optional without reason (GCC bugs 105651, 105562). It is printed but does not stop the build.
foreach(warning maybe-uninitialized restrict stringop-overflow stringop-overread array-bounds free-nonheap-object dangling-pointer)
  target_compile_options(calico_flags INTERFACE
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-error=${warning}>)
endforeach()
target_compile_definitions(calico_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK BOOST_ALL_NO_LIB)
target_include_directories(calico_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
if(CALICO_SANITIZE)
  target_compile_options(calico_flags INTERFACE -fsanitize=${CALICO_SANITIZE} -fno-omit-frame-pointer)
  if(CALICO_SANITIZE MATCHES undefined)
    # Checks of every pointer at every use: a quarter of the time that compiling takes, and AddressSanitizer sees a
    # null pointer as well.
    target_compile_options(calico_flags INTERFACE -fno-sanitize=null,alignment,object-size,vptr)
  endif()
  target_link_options(calico_flags INTERFACE -fsanitize=${CALICO_SANITIZE})
endif()
target_link_options(calico_flags INTERFACE -fuse-ld=mold)  # a fifth of the default linker's time
target_link_libraries(calico_flags INTERFACE Threads::Threads PkgConfig::FMT)

# Headers of libraries that nearly every file reads, read once. For clang only, that is for the sanitizers' build: there it is
# 40 % of what compiling costs, while GCC gains nothing by it. Ours are not among them: a change of one must not compile
# what does not include it. Who forgets an #include is told by the builds of GCC.
set(CALICO_PRECOMPILED_HEADERS <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <filesystem> <fstream> <functional>
  <iostream> <map> <memory> <mutex> <optional> <set> <sstream> <string> <string_view> <thread> <tuple> <unordered_map>
  <utility> <variant> <vector> <fmt/format.h> <nlohmann/json.hpp> <tl/expected.hpp>)
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # One for what the sanitizers see, one for what the fuzzers see as well, one for the tests. ccache compares their bytes: no times
  # in them.
  foreach(pch calico_pch calico_pch_fuzzed calico_pch_tests)
    add_library(${pch} OBJECT ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
    target_link_libraries(${pch} PRIVATE calico_flags)
    target_compile_options(${pch} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${pch} PRIVATE ${CALICO_PRECOMPILED_HEADERS})
    set_target_properties(${pch} PROPERTIES EXCLUDE_FROM_ALL ON)
  endforeach()
  target_compile_options(calico_pch_fuzzed PRIVATE -fsanitize=fuzzer-no-link)
  find_package(GTest REQUIRED)
  target_link_libraries(calico_pch_tests PRIVATE GTest::gmock)
  target_precompile_headers(calico_pch_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  if(CALICO_SANITIZE MATCHES undefined)
    target_compile_options(calico_pch_tests PRIVATE -fno-sanitize=undefined)
  endif()
endif()
function(calico_precompiled target pch)
  if(TARGET ${pch})
    target_precompile_headers(${target} REUSE_FROM ${pch})
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# calico_library(NAME model SOURCES a.cc … DEPS base net PRIVATE_DEPS PkgConfig::YAML)
# DEPS are folders of ours (see the layer table in ARCHITECTURE.md); PRIVATE_DEPS are third-party
# libraries that our headers do not show. EXCLUDE_FROM_ALL: built only for the tests that need it. FUZZED: one whose paths
# guide the fuzzers (tests/fuzz); the same objects serve the unit tests.
function(calico_library)
  cmake_parse_arguments(L "EXCLUDE_FROM_ALL;FUZZED" "NAME" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(calico_${L_NAME} STATIC ${L_SOURCES})
  set_target_properties(calico_${L_NAME} PROPERTIES EXCLUDE_FROM_ALL ${L_EXCLUDE_FROM_ALL})
  if(L_EXCLUDE_FROM_ALL)  # of tests: see calico_test
    target_compile_options(calico_${L_NAME} PRIVATE $<$<CONFIG:Release>:-O0>)
  endif()
  target_link_libraries(calico_${L_NAME} PUBLIC calico_flags)
  if(CALICO_FUZZ AND L_FUZZED)
    target_compile_options(calico_${L_NAME} PRIVATE -fsanitize=fuzzer-no-link)
    calico_precompiled(calico_${L_NAME} calico_pch_fuzzed)
  else()
    calico_precompiled(calico_${L_NAME} calico_pch)
  endif()
  foreach(dep IN LISTS L_DEPS)
    target_link_libraries(calico_${L_NAME} PUBLIC calico_${dep})
  endforeach()
  target_link_libraries(calico_${L_NAME} PRIVATE ${L_PRIVATE_DEPS})
endfunction()

# calico_test(NAME model_test SOURCES a_test.cc … DEPS model [LABELS system])
# One program per folder; ctest runs it as one test, gtest prints the names. Programs with the label `system` need root or
# servers and are built by the target system_tests, the others by unit_tests: neither is a part of `all`, so that who
# only wants the product does not wait for its tests.
add_custom_target(unit_tests)
add_custom_target(system_tests)
function(calico_test)
  cmake_parse_arguments(T "" "NAME;TIMEOUT" "SOURCES;DEPS;PRIVATE_DEPS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${T_NAME} EXCLUDE_FROM_ALL ${T_SOURCES})
  # A test's own code gains nothing from the optimiser, whose time is most of what compiling it costs.
  target_compile_options(${T_NAME} PRIVATE $<$<CONFIG:Release>:-O0>)
  if(CALICO_SANITIZE MATCHES undefined)  # the check is of the code, not of its tests
    target_compile_options(${T_NAME} PRIVATE -fno-sanitize=undefined)
  endif()
  calico_precompiled(${T_NAME} calico_pch_tests)
  if("system" IN_LIST T_LABELS)
    add_dependencies(system_tests ${T_NAME})
  else()
    add_dependencies(unit_tests ${T_NAME})
  endif()
  foreach(dep IN LISTS T_DEPS)
    target_link_libraries(${T_NAME} PRIVATE calico_${dep})
  endforeach()
  target_link_libraries(${T_NAME} PRIVATE ${T_PRIVATE_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${T_NAME} COMMAND ${T_NAME} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  set_tests_properties(${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}")
endfunction()
