// The pages that people see, and the reports that lie in HOME/reports.
#include <zlib.h>
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "serve/json.h"
#include "serve/pages.h"

namespace cangong {
namespace {

// Nothing from elsewhere, nothing written inside of the page.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
// A report holds its own style and no script; only our pages may frame it.
constexpr const char* kReportPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox";
constexpr std::uintmax_t kLargestReport = 32 << 20;

std::string unpacked(std::string_view packed) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) fail(Fault::internal, "zlib");
  std::string text;
  std::string block(1 << 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(block, 0, block.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) fail(Fault::internal, "a page is damaged");
  return text;
}

Response page_file(const Call& call, std::string_view name) {
  for (const PageFile& file : page_files()) {
    if (file.name != name) continue;
    Response response{200, std::string(file.type), ""};
    if (call.request.header("accept-encoding").find("gzip") != std::string::npos) {
      response.body = file.packed;
      response.headers.emplace_back("Content-Encoding", "gzip");
    } else {
      response.body = unpacked(file.packed);
    }
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.headers.emplace_back("Content-Security-Policy", kPolicy);
    response.headers.emplace_back(
        "Cache-Control", name == "index.html" ? "no-cache" : "public, max-age=31536000, immutable");
    return response;
  }
  throw HttpError{404, "no such page"};
}

fs::path reports_of(const Call& call) {
  return call.hospital().home().path / "reports";
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c >= 0x80;
         });
}

}  // namespace

Response home_page(Call& call) {
  return page_file(call, "index.html");
}

Response page_asset(Call& call) {
  return page_file(call, call.parts[0]);
}

Response list_reports(Call& call) {
  Json all = Json::array();
  std::error_code none;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(reports_of(call), none))
    if (fs::exists(entry.path() / "index.html", none)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  for (const fs::path& folder : folders) {
    if (!is_plain_name(folder.filename().string())) continue;
    Json files = Json::array();
    for (const char* file : {"index.html", "card.html"})
      if (fs::exists(folder / file, none)) files.push_back(file);
    Json one{{"name", folder.filename().string()}, {"files", files}};
    const fs::path figures = folder / "report.json";
    const auto size = fs::file_size(figures, none);  // the largest number where there is none
    if (size < kLargestReport) {
      const Json report = Json::parse(read_file(figures), nullptr, false);
      if (report.is_object())
        for (const char* key : {"title", "metrics", "examples", "patients"})
          if (report.contains(key)) one[key] = report[key];
    }
    all.push_back(std::move(one));
  }
  return json_response({{"reports", all}});
}

Response report_file(Call& call) {
  const std::string &name = call.parts[0], &file = call.parts[1];
  const fs::path path = reports_of(call) / name / file;
  std::error_code none;
  if (!is_plain_name(name) || (file != "index.html" && file != "card.html") ||
      !fs::is_regular_file(path, none))
    throw HttpError{404, "no such report"};
  if (fs::file_size(path) > kLargestReport) throw HttpError{413, "the report is too large to show"};
  Response response{200, "text/html; charset=utf-8", read_file(path)};
  response.headers.emplace_back("Content-Security-Policy", kReportPolicy);
  response.headers.emplace_back("X-Frame-Options", "SAMEORIGIN");
  return response;
}

}  // namespace cangong
