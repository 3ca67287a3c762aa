// Small things about strings that the standard library lacks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cangong {

std::string_view trim(std::string_view text);
// ASCII letters only.
std::string lower(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
// Two small digits for each byte.
std::string hexadecimal(std::string_view bytes);
std::optional<std::string> from_hexadecimal(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);

// A finite decimal number and nothing else around it; no hexadecimal, no "nan", no "inf".
std::optional<double> parse_number(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);
// The same, also as some databases write it: "6.0".
std::optional<std::int64_t> parse_whole(std::string_view text);

// Shortest text that reads back to the same double.
std::string format_number(double value);
// With `decimals` digits after the point.
std::string format_fixed(double value, int decimals);
// At most `bytes` of a UTF-8 text, cut between characters and ended with "...".
std::string shorten(std::string_view text, std::size_t bytes);
// 12345678 -> "12,345,678".
std::string format_count(std::uint64_t value);
// So many significant digits, without an exponent: 0.00123, 1.9, 1234.
std::string format_short(double value, int digits);

// The candidate with the fewest edits to `name`, if close enough to be a typing error.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);
// ' (did you mean "X"? known: A, B)', for the end of a message about an unknown name.
std::string suggestion(std::string_view name, std::span<const std::string> candidates);

}  // namespace cangong
