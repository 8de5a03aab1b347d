# Configures with and without a choice of architectures, and reads what the build would use.
function(expect_architectures expected)
  file(REMOVE_RECURSE "${WORK}")
  execute_process(COMMAND "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}" -B "${WORK}" -D FOREBAY_CUDA=ON
    -D FOREBAY_DEVELOP=OFF -D FOREBAY_SAMPLES=OFF -D "CMAKE_CUDA_COMPILER=${NVCC}" ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "cannot configure with ${ARGN}:\n${output}")
  endif()
  file(READ "${WORK}/compile_commands.json" commands)
  string(REGEX MATCHALL "code=\\[?[^]\" ]*sm_[0-9]+" codes "${commands}")
  string(REGEX MATCHALL "sm_[0-9]+" used "${codes}")
  list(REMOVE_DUPLICATES used)
  list(SORT used)
  if(NOT "${used}" STREQUAL "${expected}")
    message(FATAL_ERROR "with '${ARGN}' the module is built for '${used}', not for '${expected}'")
  endif()
endfunction()

expect_architectures("sm_75;sm_80;sm_90")
expect_architectures("sm_90" -D CMAKE_CUDA_ARCHITECTURES=90)
set(ENV{CUDAARCHS} "86")
expect_architectures("sm_86")
