# Imported targets over the shared libraries inside the PyPI wheels of torch, pyarrow and onnxruntime, and
# Debian's XGBoost.
#   cangong::parquet  Arrow and Parquet
#   cangong::torch    the CPU part of libtorch
#   cangong::xgboost
# CANGONG_SITE = the site-packages folder that the wheels were installed into.
if(NOT CANGONG_SITE)
  set(CANGONG_SITE ${CMAKE_SOURCE_DIR}/build/venv/lib/python3.11/site-packages)
endif()

if(CANGONG_ARROW)
  # pyarrow ships versioned sonames only, so the files are named as they are.
  set(_arrow ${CANGONG_SITE}/pyarrow)
  add_library(cangong_parquet INTERFACE)
  add_library(cangong::parquet ALIAS cangong_parquet)
  foreach(name arrow parquet)
    file(GLOB _file ${_arrow}/lib${name}.so.[0-9]*)
    list(FILTER _file INCLUDE REGEX "lib${name}\\.so\\.[0-9]+$")
    if(NOT _file)
      message(FATAL_ERROR "no lib${name} below ${CANGONG_SITE}; run: make setup")
    endif()
    add_library(wheel_${name} SHARED IMPORTED)
    set_target_properties(wheel_${name} PROPERTIES IMPORTED_LOCATION ${_file})
    target_link_libraries(cangong_parquet INTERFACE wheel_${name})
  endforeach()
  target_include_directories(cangong_parquet SYSTEM INTERFACE ${_arrow}/include)
  # Loaded when a model in ONNX is first computed (src/model/onnx_runtime.cpp).
  file(GLOB _file ${CANGONG_SITE}/onnxruntime/capi/libonnxruntime.so.*)
  if(NOT _file)
    message(FATAL_ERROR "no libonnxruntime below ${CANGONG_SITE}; run: make setup")
  endif()
  set(CANGONG_ONNX_RUNTIME ${_file})
  set(CANGONG_WHEEL_RPATH ${_arrow})

  find_path(XGBOOST_INCLUDE xgboost/c_api.h REQUIRED)
  find_library(XGBOOST_LIBRARY xgboost PATH_SUFFIXES xgboost REQUIRED)
  add_library(cangong_xgboost INTERFACE)
  add_library(cangong::xgboost ALIAS cangong_xgboost)
  target_include_directories(cangong_xgboost SYSTEM INTERFACE ${XGBOOST_INCLUDE})
  target_link_libraries(cangong_xgboost INTERFACE ${XGBOOST_LIBRARY})
endif()

if(CANGONG_TORCH)
  set(_torch ${CANGONG_SITE}/torch)
  add_library(cangong_libtorch INTERFACE)
  add_library(cangong::torch ALIAS cangong_libtorch)
  target_include_directories(cangong_libtorch SYSTEM INTERFACE
    ${_torch}/include ${_torch}/include/torch/csrc/api/include)
  foreach(name torch_cpu c10)
    add_library(wheel_${name} SHARED IMPORTED)
    set_target_properties(wheel_${name} PROPERTIES IMPORTED_LOCATION ${_torch}/lib/lib${name}.so)
  endforeach()
  file(GLOB _nvidia LIST_DIRECTORIES true ${CANGONG_SITE}/nvidia/*/lib)
  foreach(folder IN LISTS _nvidia)
    target_link_options(cangong_libtorch INTERFACE "LINKER:-rpath-link,${folder}")
  endforeach()
  # --no-as-needed: libtorch_cpu registers its kernels from static constructors.
  target_link_libraries(cangong_libtorch INTERFACE
    -Wl,--push-state,--no-as-needed wheel_torch_cpu wheel_c10 -Wl,--pop-state)
endif()
