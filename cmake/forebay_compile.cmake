# What every target of the project is compiled with.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()

find_program(FOREBAY_CCACHE ccache)
if(FOREBAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Depend mode: what is not in the cache is not preprocessed first, which would cost a cold build a tenth. The rest lets it
  # keep what precompiled headers are used for.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1
    "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime" ${FOREBAY_CCACHE})
endif()

set(FOREBAY_WARNINGS -Wall -Wextra -Wconversion -Wshadow)
if(FOREBAY_WERROR)
  list(APPEND FOREBAY_WARNINGS -Werror)
endif()

# Warnings are private, third-party headers are system headers: a user of the library never sees them.
function(forebay_target target)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${FOREBAY_WARNINGS}>")
  if(FOREBAY_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${FOREBAY_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${FOREBAY_SANITIZE})
  endif()
endfunction()

# A static library from every source below the calling folder (arguments: dependencies).
function(forebay_library target)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/cuda/|/cli/")
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/forebay>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} PUBLIC ${ARGN})
  target_compile_features(${target} PUBLIC cxx_std_20)
  forebay_target(${target})
  if(FOREBAY_SANITIZE)
    # Headers and templates are parsed once for eight sources, in a third of the time. The other builds show that each
    # source compiles by itself.
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()
