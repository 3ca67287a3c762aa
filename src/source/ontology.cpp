// Terminologies -> what stands above the store's codes. Tables with a code, its parents and a name
// (ICD-10-CM, MONDO, DOID, a site's own), or OBO files (HPO).
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/pattern.h"
#include "base/text.h"
#include "source/source.h"
#include "source/table.h"

namespace cangong {
namespace {

struct OntologyTerm {
  std::string name;
  std::vector<std::string> parents;
};
using Terms = std::unordered_map<std::string, OntologyTerm>;

std::size_t column_of(const Table& table, const fs::path& file,
                      std::initializer_list<std::string_view> names) {
  if (const auto found = column_named(table, names)) return *found;
  fail(Fault::input, file.string() + ": no column " + std::string(*names.begin()) +
                         "; a terminology has the columns code, parent and name");
}

Terms read_table(const fs::path& file) {
  const auto table = open_table(file, {});
  const std::size_t code = column_of(*table, file, {"code", "id", "concept_code"});
  const std::size_t parent = column_of(*table, file, {"parent", "parents", "parent_code"});
  const std::size_t name = column_of(*table, file, {"description", "name", "label", "display"});
  Terms terms;
  while (const auto row = table->next()) {
    if (!row->problem.empty())
      fail(Fault::input, file.string() + ":" + std::to_string(row->line) + ": " + row->problem);
    const auto& cells = *row->cells;
    OntologyTerm& term = terms[std::string(trim(cells[code]))];
    term.name = trim(cells[name]);
    for (const auto above : split(cells[parent], '|'))
      if (!trim(above).empty()) term.parents.emplace_back(trim(above));
  }
  return terms;
}

// OBO 1.2 and 1.4: [Term] stanzas with id, name, is_a, is_obsolete. Cross references stay
// out: some name vocabularies that may not be passed on.
Terms read_obo(const fs::path& file) {
  Terms terms;
  std::string id;
  OntologyTerm term;
  bool is_term = false, obsolete = false;
  const auto finish = [&] {
    if (is_term && !id.empty() && !obsolete) terms[id] = std::move(term);
    id.clear(), term = {}, obsolete = false;
  };
  LineReader lines(file);
  while (const auto line = lines.next()) {
    const std::string_view text = trim(line->text);
    if (text.starts_with('[')) {
      finish();
      is_term = text == "[Term]";
      continue;
    }
    const std::size_t colon = text.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view key = text.substr(0, colon), value = text.substr(colon + 2);
    if (key == "id") id = value;
    if (key == "name") term.name = value;
    if (key == "is_a") term.parents.emplace_back(trim(value.substr(0, value.find_first_of(" !{"))));
    if (key == "is_obsolete") obsolete = value == "true";
  }
  finish();
  return terms;
}

std::string without_dots(std::string_view code) {
  std::string plain(code);
  std::erase(plain, '.');
  return plain;
}

class OntologyImport {
 public:
  OntologyImport(const SourceOptions& options, Sink& sink)
      : sink_(sink), system_(system_of(options)) {
    terms_ = unpacked_name(options.path).ends_with(".obo") ? read_obo(options.path)
                                                           : read_table(options.path);
    for (const auto& [code, term] : terms_) plain_.emplace(without_dots(code), code);
    if (!options.codes.empty()) pattern_ = Pattern::require(options.codes, "--codes");
  }

  void run() {
    CodeBook& codes = sink_.writer().codes();
    for (CodeId id = 0; id < codes.size(); ++id) {
      const std::string name = codes.name(id);
      const auto found = plain_.find(without_dots(local_part(name)));
      if (found == plain_.end()) continue;
      const std::string own = system_ + "//" + found->second;
      if (name != own) sink_.writer().add_info({name, terms_.at(found->second).name, {own}});
      describe(found->second);
    }
    for (std::size_t i = done_.size(); i < terms_.size(); ++i)
      sink_.skip("terms that no code of the store stands under");
  }

 private:
  // The system's name as codes carry it: --system, else by the file's name.
  static std::string system_of(const SourceOptions& options) {
    if (!options.system.empty()) return options.system;
    const std::string name = lower(unpacked_name(options.path));
    for (const auto& [part, system] : {std::pair("icd10cm", "ICD10CM"),
                                       {"icd9cm", "ICD9CM"},
                                       {"hp.", "HPO"},
                                       {"mondo", "MONDO"},
                                       {"doid", "DOID"}})
      if (name.find(part) != std::string::npos) return system;
    fail(Fault::config, "which system's codes are these? Say it with --system, such as ICD10");
  }

  // What follows "SYSTEM//" in a code of the store, or the pattern's group.
  std::string local_part(const std::string& code) const {
    if (pattern_) {
      const auto group = pattern_->group_in(code);
      return group ? std::string(*group) : std::string();
    }
    const std::string mark = system_ + "//";
    const std::size_t at = code.rfind(mark);
    const bool whole = at == 0 || (at != std::string::npos && at >= 2 && code[at - 1] == '/');
    return whole ? code.substr(at + mark.size()) : std::string();
  }

  // The term and all above it.
  void describe(const std::string& code) {
    std::vector<std::string> open{code};
    while (!open.empty()) {
      const auto found = terms_.find(open.back());
      open.pop_back();
      if (found == terms_.end() || !done_.insert(found->first).second) continue;
      CodeInfo info{system_ + "//" + found->first, found->second.name, {}};
      for (const std::string& parent : found->second.parents) {
        info.parents.push_back(system_ + "//" + parent);
        open.push_back(parent);
      }
      sink_.accept_code(info);
    }
  }

  Sink& sink_;
  std::string system_;
  std::optional<Pattern> pattern_;
  Terms terms_;
  std::unordered_map<std::string, std::string> plain_;  // spelt without dots -> as it is
  std::unordered_set<std::string> done_;
};

}  // namespace

void read_ontology(const SourceOptions& options, Sink& sink) {
  if (sink.writer().codes().size() == 0)
    fail(Fault::input, "the store has no codes yet; import the records first");
  OntologyImport(options, sink).run();
}

}  // namespace cangong
