# The pages: bundled by esbuild, packed, and compiled in. web/node_modules is put there by tools/setup.
find_program(NODE node REQUIRED)
file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/*)
list(APPEND page_sources ${CMAKE_SOURCE_DIR}/web/index.html ${CMAKE_SOURCE_DIR}/web/build.mjs
  ${CMAKE_SOURCE_DIR}/web/package-lock.json)
set(pages_source ${CMAKE_BINARY_DIR}/pages.cpp)
add_custom_command(OUTPUT ${pages_source}
  COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/web/build.mjs ${CMAKE_BINARY_DIR}/web
  COMMAND ${CMAKE_SOURCE_DIR}/tools/embed-pages ${CMAKE_BINARY_DIR}/web ${pages_source}
  DEPENDS ${page_sources} ${CMAKE_SOURCE_DIR}/tools/embed-pages
  COMMENT "Bundling the pages" VERBATIM)
