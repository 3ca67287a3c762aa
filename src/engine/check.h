// What is in a store, and what is wrong with it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/drift.h"
#include "timeline/store.h"

namespace cangong {

// A kind of trouble with how often it occurs and in which codes; never a patient.
struct Finding {
  std::string kind, english, chinese;
  std::uint64_t count = 0;
  std::vector<std::pair<std::string, std::uint64_t>> codes;  // the most frequent
};

struct CodeSummary {
  std::string code, description, unit;
  std::uint64_t rows = 0, subjects = 0, numbers = 0;
  double low = 0, high = 0, mean = 0;
};

// What one calendar year holds (UTC).
struct YearSummary {
  std::uint64_t rows = 0, subjects = 0;
  std::map<std::string, std::uint64_t> families;  // rows by the head of their code
};

struct CheckReport {
  std::uint64_t subjects = 0, rows = 0, codes = 0, static_rows = 0, numbers = 0, texts = 0;
  std::string first, last;  // dates of the earliest and latest event
  std::map<std::string, std::uint64_t> families, units, splits;
  std::map<int, YearSummary> years;
  std::vector<CodeSummary> top_codes;
  std::vector<CodeDrift> drift;   // the numbers that moved most over the years
  std::vector<Finding> findings;  // worst first
  double median_rows_per_subject = 0;
  bool synthetic = false;  // patients of it do not exist
};

CheckReport check_store(const fs::path& store);
std::string check_json(const CheckReport& report);
std::string check_text(const CheckReport& report);
// One self-contained page with plots, English and Chinese.
std::string check_html(const CheckReport& report);

}  // namespace cangong
