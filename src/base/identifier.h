// A patient's number inside the engine. It does not print: logging one does not compile.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace cangong {

class PatientId {
 public:
  constexpr PatientId() = default;
  constexpr explicit PatientId(std::int64_t number) : number_(number) {}

  // For files and answers that belong to the patient's record; never for a message or a log.
  constexpr std::int64_t for_storage() const { return number_; }

  friend constexpr auto operator<=>(PatientId, PatientId) = default;
  friend std::ostream& operator<<(std::ostream&, PatientId) = delete;

 private:
  std::int64_t number_ = 0;
};

}  // namespace cangong

template <>
struct std::hash<cangong::PatientId> {
  std::size_t operator()(cangong::PatientId id) const noexcept {
    return std::hash<std::int64_t>()(id.for_storage());
  }
};
