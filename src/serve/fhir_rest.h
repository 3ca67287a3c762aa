// What the files of FHIR REST share. Included by them only.
#pragma once

#include <optional>
#include <string>

#include "serve/route.h"

namespace cangong::rest {

Response fhir(std::string body, int status = 200);
std::string reference(const Kept& kept);
std::string url_of(const Call& call, const Kept& kept);
// Throws 404 where resources of this type are not kept.
void require_type(const std::string& type);

// A Bundle in the making. Resources are put in as they are kept, not read and written again.
class BundleText {
 public:
  BundleText(const std::string& type, std::optional<std::uint64_t> total);
  void link(const std::string& relation, const std::string& url);
  // `more`: further fields of the entry, as ",\"response\":{...}".
  void add(const std::string& url, const std::string& body, const std::string& more = "");
  void add_response(const std::string& response);
  std::string text() const;

 private:
  std::string text_, links_, entries_;
};

}  // namespace cangong::rest
