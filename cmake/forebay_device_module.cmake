# forebay_device_module(<name> SOURCES <a.cu>... [LINK <libraries>...])
# Builds the modules of device stages: <name>.cpu.so from the sources as C++ (Thrust runs on TBB), and, where the CUDA
# language is enabled, <name>.cuda.so by nvcc. Only an owner process loads either. Give the path of <name>, without suffix,
# to PipelineBuilder::device_stage.
function(forebay_device_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  set(options -fno-gnu-unique -fvisibility=hidden)
  if(TARGET forebay)
    set(includes "$<TARGET_PROPERTY:forebay,INTERFACE_INCLUDE_DIRECTORIES>")
  else()
    set(includes "$<TARGET_PROPERTY:forebay::forebay,INTERFACE_INCLUDE_DIRECTORIES>")
  endif()

  # The same source twice: as C++ through a wrapper, because CMake knows one language a file.
  set(wrappers)
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path STEM stem)
    set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/${name}_${stem}_cpu.cpp")
    file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"${path}\"\n")
    list(APPEND wrappers "${wrapper}")
  endforeach()
  find_package(TBB REQUIRED)
  find_path(FOREBAY_THRUST_INCLUDE_DIR thrust/version.h REQUIRED)
  add_library(${name}_cpu MODULE ${wrappers})
  set_target_properties(${name}_cpu PROPERTIES PREFIX "" OUTPUT_NAME ${name} SUFFIX .cpu.so CXX_STANDARD 20)
  target_compile_definitions(${name}_cpu PRIVATE THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP
    THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_TBB)
  target_include_directories(${name}_cpu PRIVATE ${includes})
  target_include_directories(${name}_cpu SYSTEM PRIVATE ${FOREBAY_THRUST_INCLUDE_DIR})
  target_compile_options(${name}_cpu PRIVATE ${options})
  target_link_options(${name}_cpu PRIVATE -Wl,-Bsymbolic)
  target_link_libraries(${name}_cpu PRIVATE TBB::tbb ${arg_LINK})

  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CUDA" IN_LIST languages)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 with a newer nvcc
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    add_library(${name}_cuda MODULE ${arg_SOURCES})
    set_target_properties(${name}_cuda PROPERTIES PREFIX "" OUTPUT_NAME ${name} SUFFIX .cuda.so CUDA_STANDARD 20
      CUDA_RUNTIME_LIBRARY Shared)
    target_include_directories(${name}_cuda PRIVATE ${includes})
    target_compile_options(${name}_cuda PRIVATE -Xcompiler=-fno-gnu-unique,-fvisibility=hidden)
    target_link_options(${name}_cuda PRIVATE -Wl,-Bsymbolic)
    target_link_libraries(${name}_cuda PRIVATE ${arg_LINK})
  endif()
endfunction()
