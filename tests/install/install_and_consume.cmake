# Arguments: BUILD (what is installed), SOURCE (the consumer), CONFIG, PICTURES (a folder of 40).
set(work "${BUILD}/tests/install work")  # with a space, as some users have it
file(REMOVE_RECURSE "${work}")

function(must)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed (${result}): ${ARGN}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()
function(must_print expected)
  if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "expected '${expected}', but it printed: ${output}")
  endif()
endfunction()

must("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${work}/first" --config "${CONFIG}")
file(RENAME "${work}/first" "${work}/prefix")  # an installed tree may be moved
must("${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}" -B "${work}/build" "-DCMAKE_PREFIX_PATH=${work}/prefix"
  "-DCMAKE_BUILD_TYPE=${CONFIG}")
must("${CMAKE_COMMAND}" --build "${work}/build")

must("${work}/build/consumer" "${PICTURES}" "${work}/build/blacken")
must_print("1000 items, sum 499500\n40 pictures, all 255\n40 pictures, all 0")
must("${work}/prefix/bin/forebay" --version)
must_print("[0-9]+\\.[0-9]+\\.[0-9]+")
must("${work}/prefix/bin/forebay" run "${PICTURES}" --out "${work}/out" --quiet)
if(NOT EXISTS "${work}/out/tensors.npy")
  message(FATAL_ERROR "the installed command wrote no tensors.npy")
endif()
