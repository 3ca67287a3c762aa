#include "source/delphi_labels.h"

#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

bool is_icd(std::string_view word) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return word.size() == 3 && word[0] >= 'A' && word[0] <= 'Z' && digit(word[1]) && digit(word[2]);
}

// "A00 (cholera)", "O01 Hydatidiform mole", "Smoking_low", "Female", "Death"
DelphiLabel label_of(std::string_view line) {
  if (line == "Female") return {"GENDER//F", "female"};
  if (line == "Male") return {"GENDER//M", "male"};
  if (line == "Death") return {"MEDS_DEATH", ""};
  const std::string_view word = line.substr(0, line.find(' '));
  if (is_icd(word)) {
    std::string_view name = trim(line.substr(word.size()));
    if (name.starts_with('(') && name.ends_with(')')) name = name.substr(1, name.size() - 2);
    return {"ICD10//" + std::string(word), std::string(name)};
  }
  const std::size_t bar = word.find('_');
  if (bar == std::string_view::npos) return {"", std::string(line)};
  std::string code(word);
  for (char& c : code) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return {code.replace(bar, 1, "//"), std::string(line)};
}

}  // namespace

std::vector<DelphiLabel> read_delphi_labels(const fs::path& file) {
  std::vector<DelphiLabel> tokens;
  LineReader lines(file);
  while (const auto line = lines.next()) tokens.push_back(label_of(trim(line->text)));
  if (tokens.size() < 3)
    fail(Fault::input, file.string() + ": not the labels of Delphi, a name in each line");
  return tokens;
}

}  // namespace cangong
