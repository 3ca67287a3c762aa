// OMOP CDM 5.3 and 5.4 tables -> facts. One function per table, listed in omop_tables.cpp.
// Which row becomes which event, and when it is known: docs/omop.md. Included by omop_*.cpp only.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/flat_map.h"
#include "base/time.h"
#include "source/sink.h"
#include "source/table.h"

namespace cangong::omop {

using ConceptId = std::int64_t;

// The vocabulary that the data use: concepts, and what stands directly above them.
class Vocabulary {
 public:
  struct Concept {
    std::string code, name;  // "SNOMED//22298006"
    bool is_ucum = false;
  };

  // Notes that a concept is used; before load().
  void use(ConceptId id) { wanted_.insert(id); }
  // Reads those concepts and all that are above them, streaming. Either file may be missing.
  void load(const std::vector<fs::path>& concepts, const std::vector<fs::path>& ancestors);
  // Null where the vocabulary does not hold it.
  const Concept* find(ConceptId id) const;
  // Writes parents and descriptions to codes.parquet.
  void describe(StoreWriter& writer) const;

 private:
  void read_ancestors(const fs::path& file);

  std::unordered_set<ConceptId> wanted_;
  std::unordered_map<ConceptId, Concept> concepts_;
  std::vector<std::pair<ConceptId, ConceptId>> above_;  // descendant, its direct ancestor
};

// What rows refer to, gathered before any is read.
struct Index {
  Vocabulary vocabulary;
  FlatMap<char> persons;     // by key_of
  FlatMap<Time> visit_ends;  // by key_of the visit
};
// 0, which a FlatMap does not keep, for -1: no number.
inline std::uint64_t key_of(std::int64_t id) {
  return static_cast<std::uint64_t>(id) + 1;
}

// One row of a table; columns by their names in lower case.
class Row {
 public:
  Row(const std::unordered_map<std::string, std::size_t>& columns, const Zone& zone)
      : columns_(columns), zone_(zone) {}
  void set(const std::vector<std::string_view>& cells) { cells_ = &cells; }

  // Nothing where the column or the cell is missing; throw BadRow where the cell is of another
  // kind.
  std::optional<std::string_view> text(const std::string& column) const;
  std::optional<std::int64_t> whole(const std::string& column) const;
  std::optional<double> number(const std::string& column) const;
  // `stem`_datetime, else `stem`_date. Midnight stands for the whole day: databases fill it in.
  std::optional<Moment> moment(const std::string& stem) const;
  const Zone& zone() const { return zone_; }

 private:
  const std::unordered_map<std::string, std::size_t>& columns_;
  const Zone& zone_;
  const std::vector<std::string_view>* cells_ = nullptr;
};

// A row that cannot be used, with the reason.
struct BadRow {
  std::string why;
};

// The facts of one row in the making. Texts are copied.
class Draft {
 public:
  explicit Draft(const Index& index) : index_(index) {}
  void begin(PatientId patient);

  struct Value {
    std::optional<double> number;
    std::string_view unit, text;
  };
  struct Code {
    std::string code, description;
    bool is_concept = false;  // of the vocabulary: the parent of its prefixed forms
  };
  // Of CONCEPT_concept_id, else of CONCEPT_source_concept_id, else the source's own word; throws
  // BadRow where there is none.
  Code code(const Row& row, const std::string& stem) const;
  void add(const Moment& known, const Moment& occurred, const std::string& prefix, const Code& code,
           const Value& value = {});
  void add_static(std::string code, std::string_view description);

  const Index& index() const { return index_; }
  std::span<const Fact> facts() const { return facts_; }

 private:
  const Index& index_;
  PatientId patient_;
  std::vector<Fact> facts_;
  std::deque<std::string> texts_;
  std::deque<std::vector<std::string>> parents_;
};

struct TableKind {
  std::string_view name;  // in lower case
  std::string_view key;   // a column whose number no two rows may share; empty: none
  void (*read)(const Row& row, Draft& draft);
};

// Nothing where rows of this table are not events.
const TableKind* table_named(std::string_view name);

}  // namespace cangong::omop
