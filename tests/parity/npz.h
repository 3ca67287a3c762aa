// Arrays of a .npz archive, for comparisons with stored results.
#pragma once

#include <zip.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "source/numpy_array.h"

namespace cangong {

struct NpzArray {
  std::vector<std::size_t> shape;
  std::vector<double> values;  // of float32, float64 and int64

  template <class T>
  std::vector<T> as() const {
    return {values.begin(), values.end()};
  }
};

inline NpzArray npz_array(const std::string& bytes, const std::string& name) {
  const std::size_t from = numpy_header_length(bytes.substr(0, 12));
  const NumpyHeader header = parse_numpy_header(bytes.substr(0, from), name);
  const NumpyField& field = header.fields.at(0);
  NpzArray array{header.shape, {}};
  for (std::size_t at = from; at + field.size <= bytes.size(); at += field.size) {
    const auto value = [&](auto one) {
      std::memcpy(&one, bytes.data() + at, sizeof one);
      array.values.push_back(static_cast<double>(one));
    };
    ensure(field.size == 8 || (field.kind == 'f' && field.size == 4), name.c_str());
    if (field.kind == 'i') value(std::int64_t{});
    if (field.kind == 'f') field.size == 4 ? value(float{}) : value(double{});
  }
  return array;
}

// By name, without ".npy".
inline std::map<std::string, NpzArray> read_npz(const fs::path& file) {
  int error = 0;
  const std::unique_ptr<zip_t, int (*)(zip_t*)> archive(zip_open(file.c_str(), ZIP_RDONLY, &error),
                                                        zip_close);
  if (!archive) fail(Fault::missing, "no archive " + file.string());
  std::map<std::string, NpzArray> arrays;
  for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
       ++i) {
    zip_stat_t about;
    zip_stat_index(archive.get(), i, 0, &about);
    std::string bytes(about.size, '\0');
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> member(
        zip_fopen_index(archive.get(), i, 0), zip_fclose);
    ensure(member && zip_fread(member.get(), bytes.data(), bytes.size()) ==
                         static_cast<zip_int64_t>(bytes.size()),
           about.name);
    const std::string name = about.name;
    arrays[name.substr(0, name.size() - 4)] = npz_array(bytes, name);
  }
  return arrays;
}

}  // namespace cangong
