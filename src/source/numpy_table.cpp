// .npy arrays and .npz archives of them as tables: the first dimension is the row; columns are the
// others, one after the other.
#include <zip.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "source/numpy_array.h"
#include "source/table.h"

namespace cangong {
namespace {

constexpr std::size_t kLongestHeader = 1 << 20;         // bytes
constexpr std::uint64_t kLargestInMemory = 2ull << 30;  // an array in Fortran order

// Bytes one after the other, from a file or from an archive's member.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // How many there were.
  virtual std::size_t read(char* to, std::size_t count) = 0;
};

class FileBytes : public ByteStream {
 public:
  explicit FileBytes(const fs::path& path) : in_(path, std::ios::binary) {
    if (!in_) fail(Fault::storage, "cannot read " + path.string());
  }
  std::size_t read(char* to, std::size_t count) override {
    in_.read(to, static_cast<std::streamsize>(count));
    return static_cast<std::size_t>(in_.gcount());
  }

 private:
  std::ifstream in_;
};

class MemberBytes : public ByteStream {
 public:
  MemberBytes(zip_t* archive, zip_uint64_t index, std::string what)
      : member_(zip_fopen_index(archive, index, 0)), what_(std::move(what)) {
    if (!member_) fail(Fault::input, what_ + ": cannot be unpacked");
  }
  ~MemberBytes() override { zip_fclose(member_); }
  MemberBytes(const MemberBytes&) = delete;
  MemberBytes& operator=(const MemberBytes&) = delete;
  std::size_t read(char* to, std::size_t count) override {
    const zip_int64_t got = zip_fread(member_, to, count);
    if (got < 0) fail(Fault::input, what_ + ": the archive is damaged; fetch it again");
    return static_cast<std::size_t>(got);
  }

 private:
  zip_file_t* member_;
  std::string what_;
};

// One array, row by row.
class Array {
 public:
  Array(std::unique_ptr<ByteStream> bytes, std::string name, std::string what)
      : bytes_(std::move(bytes)), name_(std::move(name)), what_(std::move(what)) {
    std::string head(12, '\0');
    take(head.data(), head.size());
    const std::size_t length = numpy_header_length(head);
    if (length < head.size() || length > kLongestHeader)
      fail(Fault::input, what_ + ": not a .npy array");
    head.resize(length);
    take(head.data() + 12, length - 12);
    header_ = parse_numpy_header(head, what_);
    row_.resize(header_.values_per_row() * header_.bytes_per_value());
    if (header_.fortran_order && header_.shape.size() > 1) load();
  }

  const std::string& name() const { return name_; }
  std::size_t rows() const { return header_.rows(); }

  void add_names(std::vector<std::string>& names) const {
    for (std::size_t i = 0; i < header_.values_per_row(); ++i) {
      std::string value = name_;
      if (header_.shape.size() > 1) value += (value.empty() ? "c" : ".") + std::to_string(i);
      for (const NumpyField& field : header_.fields) {
        const std::string dot = value.empty() || field.name.empty() ? "" : ".";
        names.push_back(value + dot + field.name);
      }
      if (names.back().empty()) names.back() = "c0";
    }
  }

  // Appends the next row's cells, each with its end in `text`.
  void add_row(std::string& text, std::vector<std::size_t>& ends) {
    if (all_.empty())
      take(row_.data(), row_.size());
    else
      gather();
    ++at_;
    const char* value = row_.data();
    for (std::size_t i = 0; i < header_.values_per_row(); ++i)
      for (const NumpyField& field : header_.fields) {
        append_numpy_text(field, value, text);
        ends.push_back(text.size());
        value += field.size;
      }
  }

 private:
  void take(char* to, std::size_t count) {
    if (bytes_->read(to, count) != count) fail(Fault::input, what_ + ": the array is cut off");
  }

  void load() {
    const std::uint64_t size = std::uint64_t{header_.rows()} * row_.size();
    if (size > kLargestInMemory)
      fail(Fault::input, what_ +
                             ": an array of this size in Fortran order is not read; save it as "
                             "np.ascontiguousarray(x)");
    while (all_.size() < size) {  // grows with what is there, not with what the header says
      const std::size_t step = std::min<std::uint64_t>(size - all_.size(), 1 << 24);
      all_.resize(all_.size() + step);
      take(all_.data() + all_.size() - step, step);
    }
  }

  // Fortran order: the first index runs fastest, the last one slowest.
  void gather() {
    const std::size_t width = header_.bytes_per_value(), values = header_.values_per_row();
    for (std::size_t i = 0; i < values; ++i) {
      std::size_t rest = i, offset = 0;
      for (std::size_t d = header_.shape.size() - 1; d >= 1; --d) {
        std::size_t stride = 1;
        for (std::size_t e = 0; e < d; ++e) stride *= header_.shape[e];
        offset += rest % header_.shape[d] * stride;
        rest /= header_.shape[d];
      }
      std::copy_n(all_.data() + (offset + at_) * width, width, row_.data() + i * width);
    }
  }

  std::unique_ptr<ByteStream> bytes_;
  std::string name_, what_, row_, all_;
  NumpyHeader header_;
  std::size_t at_ = 0;
};

class NumpyTable : public Table {
 public:
  NumpyTable(const fs::path& path, const TableFormat& format) : path_(path) {
    if (path.extension() == ".npz")
      open_members(format);
    else
      arrays_.emplace_back(std::make_unique<FileBytes>(path), "", path.string());
    require_equal_rows();
    for (const Array& array : arrays_) array.add_names(header_);
    rename(format);
  }
  ~NumpyTable() override {
    arrays_.clear();
    if (archive_) zip_discard(archive_);
  }
  NumpyTable(const NumpyTable&) = delete;
  NumpyTable& operator=(const NumpyTable&) = delete;

  const std::vector<std::string>& header() const override { return header_; }

  std::optional<Row> next() override {
    if (row_ == arrays_.front().rows()) return std::nullopt;
    text_.clear();
    ends_.clear();
    for (Array& array : arrays_) array.add_row(text_, ends_);
    cells_.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      cells_.push_back(std::string_view(text_).substr(begin, end - begin));
      begin = end;
    }
    return Row{&cells_, ++row_, {}};
  }

  std::uint64_t position() const override {
    if (arrays_.front().rows() == 0) return 0;
    const double share = static_cast<double>(row_) / static_cast<double>(arrays_.front().rows());
    return static_cast<std::uint64_t>(share * static_cast<double>(fs::file_size(path_)));
  }

 private:
  void open_members(const TableFormat& format) {
    int error = 0;
    archive_ = zip_open(path_.c_str(), ZIP_RDONLY, &error);
    if (!archive_) fail(Fault::input, path_.string() + ": not a .npz archive");
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive_, 0); ++i) {
      const auto index = static_cast<zip_uint64_t>(i);
      const char* raw = zip_get_name(archive_, index, 0);
      std::string name = raw ? raw : "";
      const std::string what = path_.string() + ": " + name;
      if (name.ends_with(".npy")) name.resize(name.size() - 4);
      if (!wanted(name, format.members)) continue;
      arrays_.emplace_back(std::make_unique<MemberBytes>(archive_, index, what), name, what);
    }
    if (arrays_.empty())
      fail(Fault::input, path_.string() + ": none of its arrays fits `members:`");
  }

  void require_equal_rows() const {
    std::string found;
    bool equal = true;
    for (const Array& array : arrays_) {
      equal = equal && array.rows() == arrays_.front().rows();
      found += (found.empty() ? "" : ", ") + array.name() + " " + std::to_string(array.rows());
    }
    if (!equal)
      fail(Fault::input,
           path_.string() + ": its arrays have different numbers of rows (" + found +
               "); choose those that belong together, such as `members: [\"train_*\"]`");
  }

  static bool wanted(std::string_view name, const std::vector<std::string>& patterns) {
    return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                           [&](const auto& p) { return fits(name, p); });
  }

  void rename(const TableFormat& format) {
    if (format.header.empty()) return;
    if (format.header.size() != header_.size())
      fail(Fault::input, path_.string() + ": has " + std::to_string(header_.size()) +
                             " columns, `header:` names " + std::to_string(format.header.size()));
    header_ = format.header;
  }

  fs::path path_;
  zip_t* archive_ = nullptr;
  std::vector<Array> arrays_;
  std::vector<std::string> header_;
  std::string text_;
  std::vector<std::size_t> ends_;
  std::vector<std::string_view> cells_;
  std::uint64_t row_ = 0;
};

}  // namespace

std::unique_ptr<Table> open_numpy(const fs::path& path, const TableFormat& format) {
  return std::make_unique<NumpyTable>(path, format);
}

}  // namespace cangong
