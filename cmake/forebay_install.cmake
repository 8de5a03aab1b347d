# cmake --install: static libraries, headers below include/forebay, the command, the CUDA module where it was
# built, and the package that find_package(forebay) finds.
include(CMakePackageConfigHelpers)

add_library(forebay::forebay ALIAS forebay)
add_library(forebay::host ALIAS forebay_host)
set_target_properties(forebay_host PROPERTIES EXPORT_NAME host)
set_target_properties(forebay_device PROPERTIES EXPORT_NAME device)

install(TARGETS forebay forebay_device forebay_host EXPORT forebayTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS forebay_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET forebay_cuda)
  install(TARGETS forebay_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/forebay)
endif()

# Headers include each other from the root of the tree, which is include/forebay here; the umbrella lies in it.
foreach(folder host device pipeline)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/forebay
    FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE PATTERN "cuda" EXCLUDE)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/generated/pipeline/version.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/forebay/pipeline)
install(FILES ${PROJECT_SOURCE_DIR}/forebay/forebay.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/forebay)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/forebay)
install(EXPORT forebayTargets NAMESPACE forebay:: DESTINATION ${package_folder})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/forebayConfig.cmake.in
  ${PROJECT_BINARY_DIR}/forebayConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/forebayConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/forebayConfig.cmake ${PROJECT_BINARY_DIR}/forebayConfigVersion.cmake
  DESTINATION ${package_folder})
if(EXISTS ${PROJECT_SOURCE_DIR}/cmake/forebay_device_module.cmake)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/forebay_device_module.cmake DESTINATION ${package_folder})
endif()
