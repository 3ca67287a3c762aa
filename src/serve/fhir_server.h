// Another's FHIR server, read with the token that it gave for one request.
#pragma once

#include <string>
#include <vector>

#include "serve/service.h"

namespace cangong {

// Bounded in pages, bytes and time, all its queries together.
class FhirServer {
 public:
  // Throws 400 where `base` is no https URL.
  FhirServer(Call& call, std::string base, std::string token);

  bool is_listed() const;
  // "Observation?patient=1": the resource, or the pages of the search. Throws Fault::missing where
  // not all of it can be had; the message repeats nothing of the query.
  std::vector<std::string> get(const std::string& query);
  // The pages that follow a searchset, by its own links; of this server alone.
  std::vector<std::string> pages_after(std::string_view bundle);

 private:
  std::string read(const std::string& url);

  Call& call_;
  std::string base_, token_;
  std::chrono::steady_clock::time_point until_;
  std::size_t bytes_left_, pages_left_;
};

// Where the next page lies; empty where there is none, or the text is no searchset.
std::string next_page(std::string_view bundle);

}  // namespace cangong
