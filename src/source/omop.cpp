#include "source/omop.h"

#include <functional>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "source/source.h"

namespace cangong::omop {

std::optional<std::string_view> Row::text(const std::string& column) const {
  const auto found = columns_.find(column);
  if (found == columns_.end()) return std::nullopt;
  const std::string_view cell = trim((*cells_)[found->second]);
  if (cell.empty() || cell == "NULL" || cell == "\\N") return std::nullopt;
  return cell;
}

std::optional<std::int64_t> Row::whole(const std::string& column) const {
  const auto cell = text(column);
  if (!cell) return std::nullopt;
  const auto number = parse_whole(*cell);
  if (!number) throw BadRow{column + " is not a whole number"};
  return number;
}

std::optional<double> Row::number(const std::string& column) const {
  const auto cell = text(column);
  if (!cell) return std::nullopt;
  const auto number = parse_number(*cell);
  if (!number) throw BadRow{column + " is not a number"};
  return number;
}

std::optional<Moment> Row::moment(const std::string& stem) const {
  for (const char* ending : {"_datetime", "_date"}) {
    const auto cell = text(stem + ending);
    if (!cell) continue;
    const std::size_t time = cell->find_first_of(" T");
    const bool midnight = time != std::string_view::npos &&
                          cell->substr(time + 1).find_first_not_of("0:.") == std::string_view::npos;
    const auto moment = parse_moment(midnight ? cell->substr(0, time) : *cell, zone_);
    if (!moment) throw BadRow{stem + ending + " is not a date or time"};
    return moment;
  }
  return std::nullopt;
}

void Draft::begin(PatientId patient) {
  patient_ = patient;
  facts_.clear();
  texts_.clear();
  parents_.clear();
}

Draft::Code Draft::code(const Row& row, const std::string& stem) const {
  const ConceptId own = row.whole(stem + "_concept_id").value_or(0);
  const ConceptId source = row.whole(stem + "_source_concept_id").value_or(0);
  const auto* of_own = index_.vocabulary.find(own);
  const auto* of_source = index_.vocabulary.find(source);
  if (const auto* found = of_own ? of_own : of_source) return {found->code, found->name, true};
  for (const ConceptId id : {own, source})
    if (id > 0) return {"OMOP//" + std::to_string(id), ""};
  const auto word = row.text(stem + "_source_value");
  if (!word) throw BadRow{"neither a concept nor a source value"};
  return {"SOURCE//" + std::string(*word), ""};
}

void Draft::add(const Moment& known, const Moment& occurred, const std::string& prefix,
                const Code& code, const Value& value) {
  Fact fact;
  fact.patient = patient_;
  fact.time = known.last;
  if (occurred.first != known.last) fact.occurred = occurred.first;
  fact.code = texts_.emplace_back(prefix + code.code);
  fact.description = texts_.emplace_back(code.description);
  fact.number = value.number;
  fact.unit = texts_.emplace_back(value.unit);
  fact.text = texts_.emplace_back(value.text);
  if (!prefix.empty() && code.is_concept)
    fact.parents = parents_.emplace_back(std::vector{code.code});
  facts_.push_back(fact);
}

void Draft::add_static(std::string code, std::string_view description) {
  Fact fact;
  fact.patient = patient_;
  fact.code = texts_.emplace_back(std::move(code));
  fact.description = texts_.emplace_back(description);
  facts_.push_back(fact);
}

namespace {

struct File {
  fs::path path;
  const TableKind* kind;
};

// The table that a file holds: by its name, or its folder's where a table lies in several files.
std::string table_of(const fs::path& file) {
  const std::string name = unpacked_name(file);
  const std::string stem = lower(name.substr(0, name.find('.')));
  const bool known = table_named(stem) || stem == "concept" || stem == "concept_ancestor";
  return known ? stem : lower(file.parent_path().filename().string());
}

std::unordered_map<std::string, std::size_t> columns_of(const Table& table) {
  std::unordered_map<std::string, std::size_t> columns;
  for (std::size_t i = 0; i < table.header().size(); ++i)
    columns.emplace(lower(table.header()[i]), i);
  return columns;
}

class OmopImport {
 public:
  OmopImport(const SourceOptions& options, Sink& sink)
      : zone_(options.zone), sink_(sink), draft_(index_) {
    for (const auto& file : files_below(options.path)) {
      const std::string name = is_table(file) ? table_of(file) : "";
      if (const TableKind* kind = table_named(name))
        files_.push_back({file, kind});
      else if (name == "concept")
        concepts_.push_back(file);
      else if (name == "concept_ancestor")
        ancestors_.push_back(file);
      else
        sink.pass_over(file);
    }
    if (files_.empty())
      fail(Fault::input, "no OMOP table below " + options.path.string() +
                             "; files are named after their tables: person.csv, VISIT_OCCURRENCE"
                             ".csv.gz, measurement.parquet");
  }

  void run() {
    std::uint64_t bytes = 0;
    for (const File& file : files_) bytes += 2 * fs::file_size(file.path);
    Progress progress("importing", bytes);
    std::uint64_t done = 0;
    const auto pass = [&](const auto& use) {
      for (const File& file : files_) {
        use(file, [&](std::uint64_t position) { progress.at(done + position); });
        done += fs::file_size(file.path);
      }
    };
    pass([&](const File& file, const auto& at) { index(file, at); });
    index_.vocabulary.load(concepts_, ancestors_);
    pass([&](const File& file, const auto& at) { take(file, at); });
    index_.vocabulary.describe(sink_.writer());
  }

 private:
  template <class Use>
  void each_row(const File& file, const std::function<void(std::uint64_t)>& at, const Use& use) {
    const auto table = open_table(file.path, {});
    if (table->header().empty()) return;
    const auto columns = columns_of(*table);
    if (!columns.contains("person_id"))
      fail(Fault::input, file.path.string() + ": no column person_id; is this an OMOP table?");
    Row row(columns, zone_);
    std::uint64_t count = 0;
    while (const auto cells = table->next()) {
      if (cells->problem.empty()) row.set(*cells->cells);
      use(row, *cells, columns);
      if (++count % 4096 != 0) continue;
      stop_if_interrupted();
      at(table->position());
    }
  }

  // Which concepts are used, who the persons are, when visits end. What is wrong is told later.
  void index(const File& file, const std::function<void(std::uint64_t)>& at) {
    const bool persons = file.kind->name == "person",
               visits = file.kind->name == "visit_occurrence";
    std::vector<std::size_t> concepts;
    each_row(file, at, [&](const Row& row, const Table::Row& cells, const auto& columns) {
      if (!cells.problem.empty()) return;
      if (concepts.empty())
        for (const auto& [name, i] : columns)
          if (name.ends_with("_concept_id") && !name.ends_with("type_concept_id"))
            concepts.push_back(i);
      for (const std::size_t i : concepts)
        if (const auto id = parse_whole(trim((*cells.cells)[i])); id && *id > 0)
          index_.vocabulary.use(*id);
      try {
        if (persons) {
          if (const auto id = row.whole("person_id")) index_.persons.insert(key_of(*id), 1);
        } else if (visits) {
          const auto id = row.whole("visit_occurrence_id");
          const auto end = row.moment("visit_end");
          if (id && end) index_.visit_ends.insert(key_of(*id), end->last);
        }
      } catch (const BadRow&) {
      }
    });
  }

  void take(const File& file, const std::function<void(std::uint64_t)>& at) {
    const std::string name = file.path.string(), key(file.kind->key);
    FlatMap<char>& seen = seen_[file.kind];
    each_row(file, at, [&](const Row& row, const Table::Row& cells, const auto&) {
      const Where where{name, cells.line};
      if (!cells.problem.empty()) return sink_.reject(where, cells.problem);
      try {
        const std::uint64_t own = key.empty() ? 0 : key_of(row.whole(key).value_or(-1));
        if (seen.find(own)) throw BadRow{"same " + key + " as an earlier row"};
        const auto person = row.whole("person_id");
        if (!person) throw BadRow{"person_id is missing"};
        if (!index_.persons.find(key_of(*person)))
          throw BadRow{"refers to a person who is not in PERSON"};
        draft_.begin(PatientId(*person));
        file.kind->read(row, draft_);
        if (sink_.accept(where, draft_.facts())) seen.insert(own, 1);
      } catch (const BadRow& bad) {
        sink_.reject(where, bad.why);
      }
    });
  }

  Zone zone_;
  Sink& sink_;
  Index index_;
  Draft draft_;
  std::vector<File> files_;
  std::vector<fs::path> concepts_, ancestors_;
  std::unordered_map<const TableKind*, FlatMap<char>> seen_;
};

}  // namespace
}  // namespace cangong::omop

namespace cangong {

void read_omop(const SourceOptions& options, Sink& sink) {
  omop::OmopImport(options, sink).run();
}

}  // namespace cangong
