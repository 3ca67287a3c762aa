#include <algorithm>
#include <cmath>
#include <functional>

#include "base/pattern.h"
#include "base/progress.h"
#include "base/text.h"
#include "source/mapping.h"
#include "source/source.h"
#include "source/table.h"

namespace cangong {

void read_value(const Node& node, std::map<std::string, std::vector<std::string>>& value) {
  for (const auto& [key, entry] : node.entries()) read_value(entry, value[key]);
}

Mapping parse_mapping(const std::string& text, const std::string& file) {
  Mapping mapping;
  read_value(Node::parse(text, file), mapping);
  if (mapping.tables.empty()) fail(Fault::config, file + ": the mapping has no `tables:`");
  return mapping;
}

namespace {

constexpr std::size_t kNone = SIZE_MAX;

// Text with {column} holes, ready to be filled from a row.
class Template {
 public:
  Template() = default;
  Template(const std::string& text, const auto& column_of) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = std::min(text.find('{', at), text.size());
      const std::size_t close = text.find('}', open);
      literal_.push_back(text.substr(at, open - at));
      if (open < text.size() && close == std::string::npos)
        fail(Fault::config, "the mapping has a \"{\" without \"}\": " + text);
      if (open == text.size()) break;
      columns_.push_back(column_of(text.substr(open + 1, close - open - 1)));
      at = close + 1;
    }
    literal_.resize(columns_.size() + 1);
  }
  // False where a cell is missing.
  bool fill(const auto& cell, std::string& out) const {
    out = literal_.empty() ? std::string() : literal_[0];
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto value = cell(columns_[i]);
      if (!value) return false;
      out += *value;
      out += literal_[i + 1];
    }
    return true;
  }

 private:
  std::vector<std::string> literal_;
  std::vector<std::size_t> columns_;
};

Duration unit_length(const std::string& unit) {
  constexpr double kDay = 86400e6;
  if (unit == "mo") return Duration(std::llround(kDay * 30.4375));
  if (unit == "a") return Duration(std::llround(kDay * 365.25));
  const auto length = parse_duration("1" + unit);
  if (!length) fail(Fault::config, "unknown unit of time \"" + unit + "\"; use s min h d wk mo a");
  return *length;
}

// A row that cannot be used, with the reason.
struct BadRow {
  std::string why;
};

struct TimePlan {
  std::size_t column = kNone, plus = kNone;
  std::string format;
  std::optional<Moment> at;
  Duration unit{0}, at_least{0};
  bool missing_is_static = false;
};

struct EventPlan {
  Template code, unit;
  std::size_t value = kNone, text = kNone;
  std::vector<std::pair<std::size_t, std::vector<std::string>>> when;
  std::optional<TimePlan> time, occurred;
  bool is_static = false, optional = false;
  std::string description;
};

// A table rule resolved against one file's header.
class TablePlan {
 public:
  TablePlan(const TableRule& rule, const Table& table, const Zone& zone, const fs::path& file)
      : rule_(rule), header_(table.header()), used_(header_.size()), zone_(zone), file_(file) {
    if (rule.subject.column.empty() && rule.subject.file.empty() && !rule.subject.row)
      fail(Fault::config,
           "a table in the mapping says nothing under `subject:`; give column, file "
           "or row");
    subject_ = rule.subject.column.empty() ? kNone : column(rule.subject.column);
    if (rule.time) time_ = plan_time(*rule.time);
    for (const EventRule& event : rule.events) events_.push_back(plan_event(event));
    find_file_subject();
    require_all_columns_mentioned();
  }

  PatientId patient(Sink& sink, std::uint64_t row) const {
    if (rule_.subject.row)
      return PatientId(static_cast<std::int64_t>(rule_.subject.first + row - 1));
    std::string_view value = file_subject_;
    if (subject_ != kNone) {
      const auto cell = cell_at(subject_);
      if (!cell) throw BadRow{"the subject is missing"};
      value = *cell;
    }
    if (!rule_.subject.keep) return sink.patient(rule_.subject.system, value);
    const auto number = parse_whole(value);
    if (!number) throw BadRow{"the subject is not a whole number"};
    return PatientId(*number);
  }

  // The facts of one row; their texts live in this object until the next call.
  std::span<const Fact> facts(PatientId patient) {
    facts_.clear();
    texts_.resize(events_.size() * 2);
    for (std::size_t i = 0; i < events_.size(); ++i) add_fact(i, patient);
    return facts_;
  }
  void set_row(const std::vector<std::string_view>& cells) { cells_ = &cells; }

 private:
  std::size_t column(const std::string& name) {
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found == header_.end())
      fail(Fault::config,
           file_.string() + ": no column \"" + name + "\"" + suggestion(name, header_));
    const auto index = static_cast<std::size_t>(found - header_.begin());
    used_[index] = true;
    return index;
  }

  std::optional<std::string_view> cell_at(std::size_t index) const {
    const std::string_view cell = trim((*cells_)[index]);
    for (const auto& mark : rule_.missing)
      if (cell == mark) return std::nullopt;
    return cell;
  }

  TimePlan plan_time(const TimeRule& rule) {
    return at_place(rule.where, [&] { return time_plan(rule); });
  }

  TimePlan time_plan(const TimeRule& rule) {
    TimePlan plan;
    plan.format = rule.format;
    plan.at_least = rule.at_least;
    if (!rule.column.empty()) plan.column = column(rule.column);
    check_time_pattern(rule.format);
    if (!rule.missing.empty() && rule.missing != "static" && rule.missing != "reject")
      fail(Fault::config, "`missing:` is static or reject");
    plan.missing_is_static = rule.missing == "static";
    if (!rule.at.empty() && !(plan.at = parse_moment(rule.at, zone_)))
      fail(Fault::config, "`at:` is not a date such as 2000-01-01");
    if (plan.column == kNone && !plan.at)
      fail(Fault::config, "a time needs `column:` or `at:` with a date");
    if (!rule.plus.empty()) plan.plus = column(rule.plus);
    plan.unit = unit_length(rule.unit);
    return plan;
  }

  EventPlan plan_event(const EventRule& rule) {
    return at_place(rule.where, [&] { return event_plan(rule); });
  }

  EventPlan event_plan(const EventRule& rule) {
    const auto by_name = [&](const std::string& name) { return column(name); };
    EventPlan plan;
    if (rule.code.empty()) fail(Fault::config, "an event in the mapping has no `code:`");
    plan.code = Template(rule.code, by_name);
    plan.unit = Template(rule.unit, by_name);
    if (!rule.value.empty()) plan.value = column(rule.value);
    if (!rule.text.empty()) plan.text = column(rule.text);
    for (const auto& [name, values] : rule.when) plan.when.emplace_back(column(name), values);
    if (rule.time) plan.time = plan_time(*rule.time);
    if (rule.occurred) plan.occurred = plan_time(*rule.occurred);
    plan.is_static = rule.is_static;
    plan.optional = rule.optional;
    plan.description = rule.description;
    return plan;
  }

  void find_file_subject() {
    if (rule_.subject.file.empty()) return;
    const Pattern pattern = Pattern::require(rule_.subject.file, "mapping subject file");
    const auto found = pattern.group_in(file_.filename().string());
    if (!found) fail(Fault::input, file_.string() + ": its name does not fit `subject: file:`");
    file_subject_ = *found;
  }

  void require_all_columns_mentioned() {
    const auto& ignore = rule_.ignore;
    if (std::find(ignore.begin(), ignore.end(), "*") != ignore.end()) return;
    std::vector<std::string> forgotten;
    for (std::size_t i = 0; i < header_.size(); ++i)
      if (!used_[i] && std::find(ignore.begin(), ignore.end(), header_[i]) == ignore.end())
        forgotten.push_back(header_[i]);
    if (!forgotten.empty())
      fail(Fault::config, file_.string() + ": the mapping says nothing about the columns " +
                              join(forgotten, ", ") + "; map them or list them under `ignore:`");
  }

  // Both ends of the moment that a rule gives; nothing where its cell is missing.
  std::optional<Moment> moment(const TimePlan& plan) const {
    std::optional<Moment> moment = plan.at;
    if (plan.column != kNone) {
      const auto cell = cell_at(plan.column);
      if (!cell) return std::nullopt;
      moment = plan.format.empty() ? parse_moment(*cell, zone_)
                                   : parse_moment(*cell, plan.format, zone_);
      if (!moment) throw BadRow{"column " + header_[plan.column] + ": not a date or time"};
    }
    if (plan.plus == kNone) return moment;
    const auto cell = cell_at(plan.plus);
    if (!cell) return std::nullopt;
    const auto number = parse_number(*cell);
    if (!number || std::abs(*number) > 1e9)
      throw BadRow{"column " + header_[plan.plus] + ": not a number"};
    const double us = *number * static_cast<double>(plan.unit.count());
    if (std::abs(us) > 1e17) throw BadRow{"column " + header_[plan.plus] + ": too far away"};
    const Duration offset = std::max(Duration(std::llround(us)), plan.at_least);
    const bool fixed = plan.column == kNone;  // a fixed date stands for its first instant
    return Moment{moment->first + offset, (fixed ? moment->first : moment->last) + offset};
  }

  bool applies(const EventPlan& plan) const {
    for (const auto& [index, values] : plan.when) {
      const std::string_view cell = trim((*cells_)[index]);
      if (std::find(values.begin(), values.end(), cell) == values.end()) return false;
    }
    return true;
  }

  void add_fact(std::size_t index, PatientId patient) {
    const EventPlan& plan = events_[index];
    if (!applies(plan)) return;
    Fact fact;
    fact.patient = patient;
    const auto cell = [&](std::size_t i) { return cell_at(i); };
    if (!plan.code.fill(cell, texts_[index * 2])) return;
    fact.code = texts_[index * 2];
    if (plan.value != kNone) {
      const auto value = cell_at(plan.value);
      if (!value && !plan.optional) return;
      if (value) fact.number = parse_number(*value);
      if (value && !fact.number) throw BadRow{"column " + header_[plan.value] + ": not a number"};
    }
    if (plan.text != kNone) {
      const auto text = cell_at(plan.text);
      if (!text && !plan.optional) return;
      fact.text = text.value_or("");
    }
    if (plan.unit.fill(cell, texts_[index * 2 + 1])) fact.unit = texts_[index * 2 + 1];
    fact.description = plan.description;
    fact.declared_static = plan.is_static;
    if (!plan.is_static && !add_times(plan, fact)) return;
    facts_.push_back(fact);
  }

  bool add_times(const EventPlan& plan, Fact& fact) const {
    const auto& rule = plan.time ? plan.time : time_;
    if (!rule) throw BadRow{"the mapping gives no time for this event"};
    const auto known = moment(*rule);
    if (!known) {
      if (rule->missing_is_static) {
        fact.declared_static = true;
        return true;
      }
      if (plan.time) return false;
      throw BadRow{"the time is missing"};
    }
    fact.time = rule->column == kNone ? known->first : known->last;
    if (known->first != known->last) fact.occurred = known->first;
    if (plan.occurred)
      if (const auto happened = moment(*plan.occurred)) fact.occurred = happened->first;
    return true;
  }

  const TableRule& rule_;
  const std::vector<std::string>& header_;
  std::vector<bool> used_;
  const Zone& zone_;
  fs::path file_;
  std::size_t subject_ = kNone;
  std::string file_subject_;
  std::optional<TimePlan> time_;
  std::vector<EventPlan> events_;
  const std::vector<std::string_view>* cells_ = nullptr;
  std::vector<Fact> facts_;
  std::vector<std::string> texts_;
};

bool fits_one(std::string_view name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return fits(name, pattern); });
}

TableFormat format_of(const TableRule& rule) {
  TableFormat format;
  format.header = rule.header;
  format.skip = rule.skip;
  format.members = rule.members;
  if (rule.delimiter == "\\t" || rule.delimiter == "tab")
    format.delimiter = '\t';
  else if (rule.delimiter.size() == 1)
    format.delimiter = rule.delimiter.front();
  else if (!rule.delimiter.empty())
    fail(Fault::config, rule.where + ": the delimiter is one character, or tab");
  return format;
}

class TableReader {
 public:
  TableReader(const fs::path& file, const TableRule& rule, const Zone& zone, Sink& sink)
      : name_(file.string()), sink_(sink), table_(open_table(file, format_of(rule))) {
    if (!table_->header().empty())  // an empty file has no rows
      at_place(rule.where, [&] { plan_.emplace(rule, *table_, zone, file); });
  }

  // Adds to `row_number`, which counts the rows of all files of one rule.
  void read(std::uint64_t& row_number, const std::function<void(std::uint64_t)>& progress) {
    if (!plan_) return;
    while (const auto row = table_->next()) {
      ++row_number;
      take(*row, row_number);
      if (row_number % 4096 != 0) continue;
      stop_if_interrupted();
      progress(table_->position());
    }
  }

 private:
  void take(const Table::Row& row, std::uint64_t row_number) {
    const Where where{name_, row.line};
    if (!row.problem.empty()) return sink_.reject(where, row.problem);
    try {
      plan_->set_row(*row.cells);
      const PatientId patient = plan_->patient(sink_, row_number);
      sink_.accept(where, plan_->facts(patient));
    } catch (const BadRow& bad) {
      sink_.reject(where, bad.why);
    }
  }

  std::string name_;
  Sink& sink_;
  std::unique_ptr<Table> table_;
  std::optional<TablePlan> plan_;
};

}  // namespace

void read_csv(const SourceOptions& options, Sink& sink) {
  if (options.mapping.empty())
    fail(Fault::config, "a table needs a mapping; write a first one with: cangong import csv " +
                            std::string("--suggest FILE > mapping.yaml, then add --mapping"));
  const auto mapping = load_config<Mapping>(options.mapping);
  const Zone zone(options.zone);
  const auto files = files_below(options.path);
  std::uint64_t bytes = 0, done = 0;
  for (const auto& file : files) bytes += fs::file_size(file);
  Progress progress("importing", bytes);
  std::vector<std::uint64_t> rows(mapping.tables.size());
  bool any = false;
  for (const auto& file : files) {
    bool used = false;
    for (std::size_t t = 0; t < mapping.tables.size(); ++t) {
      if (!fits_one(file.filename().string(), mapping.tables[t].files)) continue;
      TableReader(file, mapping.tables[t], zone, sink).read(rows[t], [&](std::uint64_t position) {
        progress.at(done + position);
      });
      used = any = true;
    }
    if (!used) sink.pass_over(file);
    done += fs::file_size(file);
  }
  if (!any)
    fail(Fault::input, "no file below " + options.path.string() + " fits a `files:` of " +
                           options.mapping.string());
}

}  // namespace cangong
