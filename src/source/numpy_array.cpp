#include "source/numpy_array.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"

namespace cangong {
namespace {

constexpr std::size_t kMostArrayColumns = 100'000;

// The Python literal of a header: a dict of strings, booleans, tuples and lists.
class Literal {
 public:
  Literal(std::string_view text, const std::string& what) : text_(text), what_(what) {}

  NumpyHeader header() {
    NumpyHeader header;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr")
        header.fields = fields();
      else if (key == "fortran_order")
        header.fortran_order = boolean();
      else if (key == "shape")
        header.shape = shape();
      else
        wrong();
      accept(',');
    }
    if (header.fields.empty()) wrong();
    return header;
  }

 private:
  [[noreturn]] void wrong() const { fail(Fault::input, what_ + ": not a .npy header"); }

  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) wrong();
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') wrong();
    const std::size_t end = text_.find(quote, ++at_);
    if (end == std::string_view::npos) wrong();
    const std::string found(text_.substr(at_, end - at_));
    at_ = end + 1;
    return found;
  }

  bool boolean() {
    const bool yes = peek() == 'T';
    const std::string_view word = yes ? "True" : "False";
    if (!text_.substr(at_).starts_with(word)) wrong();
    at_ += word.size();
    return yes;
  }

  std::vector<std::size_t> shape() {
    std::vector<std::size_t> sizes;
    expect('(');
    while (!accept(')')) {
      std::size_t size = 0;
      peek();
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc() || size > (1ull << 40) || sizes.size() > 8) wrong();
      at_ = static_cast<std::size_t>(end - text_.data());
      sizes.push_back(size);
      accept(',');
    }
    return sizes;
  }

  std::vector<NumpyField> fields() {
    if (!accept('[')) return {field("", string())};
    std::vector<NumpyField> fields;
    while (!accept(']')) {
      expect('(');
      const std::string name = string();
      expect(',');
      fields.push_back(field(name, string()));
      if (accept(',')) fail(Fault::input, what_ + ": a field that is itself an array is no cell");
      expect(')');
      accept(',');
    }
    return fields;
  }

  NumpyField field(const std::string& name, const std::string& type) const {
    NumpyField field;
    field.name = name;
    std::string_view rest = type;
    if (rest.size() < 2) wrong();
    if (std::string_view("<>|=").find(rest[0]) != std::string_view::npos) {
      field.big_endian = rest[0] == '>';
      rest.remove_prefix(1);
    }
    field.kind = rest[0];
    if (field.kind == 'O')
      fail(Fault::input, what_ +
                             ": an array of Python objects is not read, for that would run code; "
                             "save it with a plain type such as float64");
    const auto [end, error] =
        std::from_chars(rest.data() + 1, rest.data() + rest.size(), field.size);
    if (error != std::errc()) wrong();
    if (field.kind == 'U') field.size *= 4;
    if (field.kind == 'M') {
      const std::string_view unit(end, static_cast<std::size_t>(rest.data() + rest.size() - end));
      if (unit.size() > 2) field.unit = unit.substr(1, unit.size() - 2);
    }
    if (!is_cell(field))
      fail(Fault::input, what_ + ": values of the type " + type + " are not read");
    return field;
  }

  static bool is_cell(const NumpyField& field) {
    const std::size_t n = field.size;
    switch (field.kind) {
      case 'b':
        return n == 1;
      case 'i':
      case 'u':
        return n == 1 || n == 2 || n == 4 || n == 8;
      case 'f':
        return n == 4 || n == 8;
      case 'S':
      case 'U':
        return n >= 1 && n <= 1 << 20;
      case 'M':
        return n == 8 && (field.unit == "D" || field.unit == "s" || field.unit == "ms" ||
                          field.unit == "us" || field.unit == "ns");
      default:
        return false;
    }
  }

  std::string_view text_;
  std::string what_;
  std::size_t at_ = 0;
};

template <class Number>
Number number_at(const NumpyField& field, const char* value) {
  char bytes[sizeof(Number)];
  std::memcpy(bytes, value, sizeof bytes);
  if (field.big_endian) std::reverse(bytes, bytes + sizeof bytes);
  return std::bit_cast<Number>(bytes);
}

void append_number(auto number, std::string& text) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  text.append(digits, end);
}

std::int64_t whole_at(const NumpyField& field, const char* value) {
  switch (field.size) {
    case 1:
      return number_at<std::int8_t>(field, value);
    case 2:
      return number_at<std::int16_t>(field, value);
    case 4:
      return number_at<std::int32_t>(field, value);
    default:
      return number_at<std::int64_t>(field, value);
  }
}

std::uint64_t unsigned_at(const NumpyField& field, const char* value) {
  switch (field.size) {
    case 1:
      return number_at<std::uint8_t>(field, value);
    case 2:
      return number_at<std::uint16_t>(field, value);
    case 4:
      return number_at<std::uint32_t>(field, value);
    default:
      return number_at<std::uint64_t>(field, value);
  }
}

// UTF-32 without the zeros that fill it up.
void append_wide(const NumpyField& field, const char* value, std::string& text) {
  for (std::size_t i = 0; i < field.size; i += 4) {
    const auto c = number_at<std::uint32_t>(field, value + i);
    if (c == 0) return;
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += static_cast<char>(0xC0 | c >> 6);
      text += static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
      text += static_cast<char>(0xE0 | c >> 12);
      text += static_cast<char>(0x80 | (c >> 6 & 63));
      text += static_cast<char>(0x80 | (c & 63));
    } else {
      text += static_cast<char>(0xF0 | (c >> 18 & 7));
      text += static_cast<char>(0x80 | (c >> 12 & 63));
      text += static_cast<char>(0x80 | (c >> 6 & 63));
      text += static_cast<char>(0x80 | (c & 63));
    }
  }
}

void append_time(const NumpyField& field, std::int64_t count, std::string& text) {
  if (count == INT64_MIN) return;  // NaT
  const double us = field.unit == "D"    ? 86400e6
                    : field.unit == "s"  ? 1e6
                    : field.unit == "ms" ? 1e3
                    : field.unit == "us" ? 1
                                         : 1e-3;
  if (std::abs(static_cast<double>(count) * us) > 9e18) {
    text += "out of range";
    return;
  }
  const std::int64_t scaled = us >= 1 ? count * static_cast<std::int64_t>(us) : count / 1000;
  const std::string time = format_time(Time(Duration(scaled)));
  text += field.unit == "D" ? time.substr(0, time.find('T')) : time;
}

}  // namespace

std::size_t NumpyHeader::values_per_row() const {
  std::size_t values = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] > kMostArrayColumns || values > kMostArrayColumns) return SIZE_MAX;
    values *= shape[i];
  }
  return values;
}

std::size_t NumpyHeader::bytes_per_value() const {
  std::size_t bytes = 0;
  for (const NumpyField& field : fields) bytes += field.size;
  return bytes;
}

std::size_t numpy_header_length(std::string_view bytes) {
  if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY")) return 0;
  const auto byte = [&](std::size_t i) {
    return std::size_t{static_cast<unsigned char>(bytes[i])};
  };
  if (byte(6) == 1) return 10 + byte(8) + (byte(9) << 8);
  return 12 + byte(8) + (byte(9) << 8) + (byte(10) << 16) + (byte(11) << 24);
}

NumpyHeader parse_numpy_header(std::string_view bytes, const std::string& what) {
  const std::size_t begin = bytes.size() > 6 && bytes[6] == 1 ? 10 : 12;
  NumpyHeader header = Literal(bytes.substr(std::min(begin, bytes.size())), what).header();
  const std::size_t values = header.values_per_row();
  if (values > kMostArrayColumns || values * header.fields.size() > kMostArrayColumns)
    fail(Fault::input, what + ": more than 100,000 columns");
  return header;
}

void append_numpy_text(const NumpyField& field, const char* value, std::string& text) {
  switch (field.kind) {
    case 'b':
      text += *value ? '1' : '0';
      break;
    case 'i':
      append_number(whole_at(field, value), text);
      break;
    case 'u':
      append_number(unsigned_at(field, value), text);
      break;
    case 'S':
      text += std::string_view(value, strnlen(value, field.size));
      break;
    case 'U':
      append_wide(field, value, text);
      break;
    case 'M':
      append_time(field, number_at<std::int64_t>(field, value), text);
      break;
    default:
      if (field.size == 4) {
        const auto number = number_at<float>(field, value);
        if (!std::isnan(number)) append_number(number, text);
      } else {
        const auto number = number_at<double>(field, value);
        if (!std::isnan(number)) append_number(number, text);
      }
  }
}

}  // namespace cangong
