# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0

# find_package(ssm CONFIG REQUIRED COMPONENTS cpu io text): ssm::ssm always, and the components asked for, all required,
# whose dependencies alone are looked for.
include(${CMAKE_CURRENT_LIST_DIR}/SsmDependencies.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/ssm-ssm.cmake)

set(ssm_NOT_FOUND_MESSAGE "")
ssm_components_needed(ssm_needed ${ssm_FIND_COMPONENTS})
foreach(component IN LISTS ssm_needed)
  ssm_find_dependencies(${component} ssm_missing)
  if(NOT ssm_missing AND NOT EXISTS ${CMAKE_CURRENT_LIST_DIR}/ssm-${component}.cmake)
    set(ssm_missing "ssm::${component} is not part of this installation: name it in SSM_COMPONENTS when ssm is built.\n")
  endif()
  string(APPEND ssm_NOT_FOUND_MESSAGE "${ssm_missing}")
endforeach()
if(ssm_NOT_FOUND_MESSAGE)
  set(ssm_FOUND FALSE)
  return()
endif()

foreach(component IN LISTS ssm_needed)
  include(${CMAKE_CURRENT_LIST_DIR}/ssm-${component}.cmake)
  set(ssm_${component}_FOUND TRUE)
endforeach()
