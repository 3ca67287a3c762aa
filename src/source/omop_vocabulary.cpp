#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "source/omop.h"

namespace cangong::omop {
namespace {

// "RxNorm Extension" -> "RXNORM_EXTENSION"; the names that other sources use where there are some.
std::string system_name(std::string_view vocabulary) {
  if (vocabulary == "CPT4") return "CPT";
  std::string name(vocabulary);
  for (char& c : name)
    c = c == ' ' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

template <class Use>
void each_row(const fs::path& file, std::initializer_list<const char*> names, const Use& use) {
  const auto table = open_table(file, {});
  if (table->header().empty()) return;
  std::vector<std::size_t> at;
  for (const char* name : names) {
    const auto found = column_named(*table, {name});
    if (!found)
      fail(Fault::input, file.string() + ": no column " + name + "; is this an OMOP table?");
    at.push_back(*found);
  }
  while (const auto row = table->next()) {
    if (!row->problem.empty())
      fail(Fault::input, file.string() + ":" + std::to_string(row->line) + ": " + row->problem +
                             "; the vocabulary must be whole");
    use([&](std::size_t i) { return trim((*row->cells)[at[i]]); });
  }
}

}  // namespace

// Two passes: first all that is above the used concepts, then the direct steps between those.
void Vocabulary::load(const std::vector<fs::path>& concepts,
                      const std::vector<fs::path>& ancestors) {
  const auto each_step = [&](const auto& use) {
    for (const auto& file : ancestors)
      each_row(file, {"ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation"},
               [&](const auto& cell) {
                 const auto above = parse_whole(cell(0)), below = parse_whole(cell(1));
                 const auto levels = parse_whole(cell(2));
                 if (above && below && levels) use(*above, *below, *levels);
               });
  };
  std::unordered_set<ConceptId> over;
  each_step([&](ConceptId above, ConceptId below, std::int64_t levels) {
    if (levels > 0 && wanted_.contains(below)) over.insert(above);
  });
  wanted_.insert(over.begin(), over.end());
  each_step([&](ConceptId above, ConceptId below, std::int64_t levels) {
    if (levels == 1 && wanted_.contains(below)) above_.emplace_back(below, above);
  });
  for (const auto& file : concepts)
    each_row(file, {"concept_id", "concept_name", "vocabulary_id", "concept_code"},
             [&](const auto& cell) {
               const auto id = parse_whole(cell(0));
               if (!id || *id == 0 || !wanted_.contains(*id)) return;
               Concept& concept_ = concepts_[*id];
               concept_.is_ucum = cell(2) == "UCUM";
               const std::string code(cell(3));
               concept_.code = concept_.is_ucum ? code : system_name(cell(2)) + "//" + code;
               concept_.name = cell(1);
             });
}

const Vocabulary::Concept* Vocabulary::find(ConceptId id) const {
  const auto found = concepts_.find(id);
  return found == concepts_.end() ? nullptr : &found->second;
}

void Vocabulary::describe(StoreWriter& writer) const {
  std::unordered_map<ConceptId, CodeInfo> infos;
  for (const auto& [below, above] : above_) {
    const Concept *lower = find(below), *upper = find(above);
    if (!lower || !upper) continue;
    infos[below].parents.push_back(upper->code);
    infos[above];  // described too, though no event has it
  }
  for (auto& [id, info] : infos) {
    info.code = find(id)->code;
    info.description = find(id)->name;
    std::sort(info.parents.begin(), info.parents.end());
    writer.add_info(info);
  }
}

}  // namespace cangong::omop
