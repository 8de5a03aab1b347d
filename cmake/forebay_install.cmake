# cmake --install: static libraries, headers below include/forebay, and the package that find_package(forebay) finds;
# with the pipeline also the command, and the CUDA module where it was built. The host library has an export set of its
# own, so that who wants it alone needs nothing that the pipeline is made of.
include(CMakePackageConfigHelpers)

add_library(forebay::host ALIAS forebay_host)
set_target_properties(forebay_host PROPERTIES EXPORT_NAME host)
install(TARGETS forebay_host EXPORT forebayHostTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
set(header_folders host)
set(umbrellas ${PROJECT_SOURCE_DIR}/forebay/host.h)

if(FOREBAY_PIPELINE)
  add_library(forebay::forebay ALIAS forebay)
  set_target_properties(forebay_device PROPERTIES EXPORT_NAME device)
  install(TARGETS forebay forebay_device EXPORT forebayTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS forebay_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(TARGET forebay_cuda)
    install(TARGETS forebay_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/forebay)
  endif()
  list(APPEND header_folders device pipeline)
  list(APPEND umbrellas ${PROJECT_SOURCE_DIR}/forebay/forebay.h)
  install(FILES ${PROJECT_BINARY_DIR}/generated/pipeline/version.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/forebay/pipeline)
endif()

# Headers include each other from the root of the tree, which is include/forebay here; the umbrellas lie in it.
foreach(folder IN LISTS header_folders)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/forebay
    FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE PATTERN "cuda" EXCLUDE)
endforeach()
install(FILES ${umbrellas} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/forebay)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/forebay)
install(EXPORT forebayHostTargets NAMESPACE forebay:: DESTINATION ${package_folder})
if(FOREBAY_PIPELINE)
  install(EXPORT forebayTargets NAMESPACE forebay:: DESTINATION ${package_folder})
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/forebay_device_module.cmake DESTINATION ${package_folder})
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/forebayConfig.cmake.in
  ${PROJECT_BINARY_DIR}/forebayConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/forebayConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/forebayConfig.cmake ${PROJECT_BINARY_DIR}/forebayConfigVersion.cmake
  DESTINATION ${package_folder})
