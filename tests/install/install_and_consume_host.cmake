# Arguments: BUILD (what is installed), SOURCE (the consumer), CONFIG.
set(work "${BUILD}/tests/install host")  # with a space, as some users have it
file(REMOVE_RECURSE "${work}")

function(must)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed (${result}): ${ARGN}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

must("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${work}/prefix" --config "${CONFIG}")
# CMake's own module for OpenSSL asks PkgConfig, whether or not pkg-config is installed: it cannot be disabled.
set(without)
foreach(package IN ITEMS JPEG TBB ZLIB nlohmann_json)
  list(APPEND without "-DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON")
endforeach()
must("${CMAKE_COMMAND}" -G Ninja -S "${SOURCE}" -B "${work}/build" "-DCMAKE_PREFIX_PATH=${work}/prefix"
  "-DCMAKE_BUILD_TYPE=${CONFIG}" ${without})
must("${CMAKE_COMMAND}" --build "${work}/build")

must("${work}/build/consumer_host")
if(NOT output MATCHES "called back" OR NOT output MATCHES "seven: 7" OR NOT output MATCHES "sum 1091\n$")
  message(FATAL_ERROR "it printed: ${output}")
endif()
must("${work}/build/consumer_listener")
if(NOT output MATCHES "met a stranger\n$")
  message(FATAL_ERROR "it printed: ${output}")
endif()
must(ldd "${work}/build/consumer_host")
if(output MATCHES "lib(jpeg|tbb|spng|webp|z|cuda|crypto)[.a-z]*\\.so")
  message(FATAL_ERROR "forebay::host brings ${CMAKE_MATCH_0} along:\n${output}")
endif()

# The pipeline's part of the package is still what it was: it needs all of these.
file(WRITE "${work}/everything/CMakeLists.txt" "cmake_minimum_required(VERSION 3.25)\nproject(everything CXX)\n"
  "find_package(forebay COMPONENTS pipeline)\nif(forebay_FOUND)\n  message(FATAL_ERROR \"without JPEG\")\nendif()\n")
must("${CMAKE_COMMAND}" -G Ninja -S "${work}/everything" -B "${work}/everything/build"
  "-DCMAKE_PREFIX_PATH=${work}/prefix" ${without})
