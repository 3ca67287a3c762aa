// Inputs and the text that they must become. A case is a folder with in.* and expected.txt: adding
// one needs no C++. CANGONG_BLESS=1 writes what is there now; read the difference before you keep
// it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/text.h"
#include "engine/engine.h"

namespace cangong {
namespace {

std::string number_of(const Event& e) {
  return e.number ? format_number(*e.number) : "-";
}

// Events in canonical order, then the tally and the rejects.
std::string imported(const fs::path& folder) {
  const TempFolder work;
  ImportRequest request;
  request.format = folder.parent_path().filename().string();
  for (const auto& entry : fs::directory_iterator(folder))  // a file or a folder
    if (entry.path().stem() == "in") request.source.path = entry.path();
  if (fs::exists(folder / "mapping.yaml")) request.source.mapping = folder / "mapping.yaml";
  request.store = work.path() / "store";
  request.most_rejected = 1;
  std::string text;
  ImportReply reply;
  try {
    reply = import_data(request);
  } catch (const Error& error) {
    return std::string("error: ") +
           std::string(error.what()).substr(std::string(error.what()).rfind('/') + 1) + "\n";
  }
  const Store store = Store::open(request.store);
  store.each(Columns::all, [&](const Timeline& timeline) {
    for (const Event& e : timeline.events()) {
      text += (e.time ? format_time(*e.time) : "static") + " " +
              (e.occurred ? format_time(*e.occurred) : "-") + " " + store.codes().name(e.code) +
              " " + number_of(e) + " " + (e.unit.empty() ? "-" : std::string(e.unit)) + " " +
              std::string(e.text);
      while (text.back() == ' ') text.pop_back();
      text += "\n";
    }
  });
  for (const auto& info : store.code_infos())
    if (!info.parents.empty()) text += info.code + " <- " + join(info.parents, ", ") + "\n";
  const Tally& t = reply.tally;
  EXPECT_EQ(t.rows, t.accepted + t.rejected + t.skipped);
  text += "rows " + std::to_string(t.rows) + " accepted " + std::to_string(t.accepted) +
          " rejected " + std::to_string(t.rejected) + " skipped " + std::to_string(t.skipped) +
          "\n";
  LineReader rejects(reply.rejects);
  while (const auto line = rejects.next())
    text += std::string(line->text.substr(line->text.find("\"line\""))) + "\n";
  return text;
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, BecomesTheExpectedText) {
  const fs::path expected = GetParam() / "expected.txt";
  const std::string found = imported(GetParam());
  if (std::getenv("CANGONG_BLESS")) write_file(expected, found);
  EXPECT_EQ(found, read_file(expected));
}

std::vector<fs::path> cases() {
  std::vector<fs::path> folders;
  for (const char* source : {"fhir", "omop", "csv"})
    for (const auto& entry :
         fs::directory_iterator(fs::path(CANGONG_SOURCE_DIR) / "tests" / "golden" / source))
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

INSTANTIATE_TEST_SUITE_P(Import, Golden, testing::ValuesIn(cases()), [](const auto& info) {
  return info.param.parent_path().filename().string() + "_" + info.param.filename().string();
});

}  // namespace
}  // namespace cangong
