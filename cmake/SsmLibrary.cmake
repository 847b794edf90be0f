# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# The library's targets: ssm::ssm, and one per component over it. Headers are found by pattern, so that a new one is
# installed, and compiled alone by the tests, without being listed.
include(GNUInstallDirs)

set(ssm_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/ssm)

#   ssm_add_library(<target> EXPORT_NAME <name> HEADERS <pattern>... [LIBRARIES <target>...])
function(ssm_add_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXPORT_NAME" "HEADERS;LIBRARIES")
  list(TRANSFORM arg_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/ssm/)
  file(GLOB headers CONFIGURE_DEPENDS ${arg_HEADERS})

  add_library(${target} INTERFACE)
  add_library(ssm::${arg_EXPORT_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${arg_EXPORT_NAME})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_sources(${target} INTERFACE
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_link_libraries(${target} INTERFACE ${arg_LIBRARIES})

  if(SSM_INSTALL)
    # One export a component: reading one never names the dependencies of another.
    install(TARGETS ${target} EXPORT ssm-${arg_EXPORT_NAME} FILE_SET HEADERS)
    install(EXPORT ssm-${arg_EXPORT_NAME} NAMESPACE ssm:: DESTINATION ${ssm_package_dir})
  endif()
endfunction()

ssm_add_library(ssm EXPORT_NAME ssm
  HEADERS *.hpp core/*.hpp math/*.hpp policy/*.hpp backend/*.hpp model/*.hpp generate/*.hpp
    testing/*.hpp)

ssm_components_needed(components ${SSM_COMPONENTS})
set(all_missing "")
foreach(component IN LISTS components)
  ssm_find_dependencies(${component} missing GLOBAL)
  string(APPEND all_missing "${missing}")
endforeach()
if(all_missing)
  message(FATAL_ERROR "${all_missing}Install them, or name their prefix in CMAKE_PREFIX_PATH.")
endif()

foreach(component IN LISTS components)
  if(component STREQUAL "cpu")
    ssm_add_library(ssm_cpu EXPORT_NAME cpu HEADERS backend/cpu/*.hpp LIBRARIES ssm Eigen3::Eigen Threads::Threads)
  elseif(component STREQUAL "cuda")
    ssm_add_library(ssm_cuda EXPORT_NAME cuda HEADERS backend/cuda/*.cuh *.cuh
      LIBRARIES ssm CUDA::cudart_static CUDA::cublasLt)
  elseif(component STREQUAL "io")
    ssm_add_library(ssm_io EXPORT_NAME io HEADERS io/*.hpp LIBRARIES ssm nlohmann_json::nlohmann_json)
  elseif(component STREQUAL "text")
    ssm_add_library(ssm_text EXPORT_NAME text HEADERS text/*.hpp LIBRARIES ssm_io PCRE2::8BIT)
  endif()
endforeach()

if(SSM_INSTALL)
  include(CMakePackageConfigHelpers)
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/ssm-config-version.cmake
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
  install(FILES
      ${PROJECT_SOURCE_DIR}/cmake/ssm-config.cmake
      ${PROJECT_SOURCE_DIR}/cmake/SsmDependencies.cmake
      ${PROJECT_SOURCE_DIR}/cmake/FindPCRE2.cmake
      ${PROJECT_BINARY_DIR}/ssm-config-version.cmake
    DESTINATION ${ssm_package_dir})
endif()
