// The home's inbox: files that an import job may read, sent by a page or laid there by hand.
#include "base/error.h"
#include "base/pattern.h"
#include "serve/json.h"

namespace cangong {
namespace {

fs::path inbox_file(const Call& call) {
  static const Pattern kName =
      Pattern::require("^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$", "names of files");
  if (!kName.in(call.parts[0]))
    throw HttpError{400, "a file's name has letters, digits, \"_\", \"-\" and \".\", 100 at most"};
  return call.hospital().home().inbox() / call.parts[0];
}

}  // namespace

Response list_inbox(Call& call) {
  const fs::path inbox = call.hospital().home().inbox();
  Json files = Json::array();
  if (fs::exists(inbox))
    for (const auto& entry : fs::directory_iterator(inbox)) {
      Json one{{"name", entry.path().filename().string()}};
      if (entry.is_regular_file()) one["bytes"] = entry.file_size();
      files.push_back(std::move(one));
    }
  return json_response({{"files", files}});
}

Response put_inbox(Call& call) {
  const fs::path file = inbox_file(call);
  if (call.request.body.empty()) throw HttpError{400, "the body is the file"};
  note(call, "inbox", {{"file", call.parts[0]}, {"bytes", call.request.body.size()}});
  fs::create_directories(file.parent_path());
  write_private_file(file, call.request.body);
  return {204, "", ""};
}

Response delete_inbox(Call& call) {
  const fs::path file = inbox_file(call);
  if (!fs::is_regular_file(file)) throw HttpError{404, "no such file"};
  note(call, "inbox", {{"file", call.parts[0]}, {"removed", true}});
  fs::remove(file);
  return {204, "", ""};
}

}  // namespace cangong
