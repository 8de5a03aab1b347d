# Every third-party part, in one place. All are Debian bookworm packages (scripts/setup installs them).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)          # Interprocess: mappings; PFR: fields of structs; header-only
find_package(cereal REQUIRED)              # arguments and results of other processes, header-only
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)   # HMAC of listeners; SHA-256 of what is quarantined
if(NOT FOREBAY_PIPELINE)
  return()
endif()
find_package(TBB REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SPNG REQUIRED IMPORTED_TARGET spng)     # PNG: bounded, no longjmp
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)

# Thrust for host code (TBB system): Debian's libthrust-dev. The CUDA module uses the toolkit's own.
find_path(FOREBAY_THRUST_INCLUDE_DIR thrust/version.h REQUIRED)
add_library(forebay_thrust_tbb INTERFACE)
target_include_directories(forebay_thrust_tbb SYSTEM INTERFACE
  $<BUILD_INTERFACE:${FOREBAY_THRUST_INCLUDE_DIR}>)
target_compile_definitions(forebay_thrust_tbb INTERFACE
  THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_TBB)
target_link_libraries(forebay_thrust_tbb INTERFACE TBB::tbb)
