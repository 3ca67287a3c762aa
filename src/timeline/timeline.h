// The waist: one patient's events in order, and what of them was knowable at a moment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/identifier.h"
#include "base/time.h"
#include "timeline/code_book.h"

namespace cangong {

// One MEDS row.
struct Event {
  std::optional<Time> time;      // when this became knowable; none if static
  std::optional<Time> occurred;  // when it happened, if the source says
  CodeId code = 0;               // into the store's dictionary
  std::optional<float> number;
  std::string_view unit;  // UCUM, canonical
  std::string_view text;  // free text
};

// What was knowable at one moment. Encoders accept nothing else; only Timeline::until makes one.
class History {
 public:
  PatientId patient() const { return patient_; }
  Time cutoff() const { return cutoff_; }
  // Static events first, then by time; none later than the cutoff.
  // Lives as long as the History, which may own it: not of a temporary.
  std::span<const Event> events() const& { return events_; }
  std::span<const Event> events() const&& = delete;
  const CodeBook& codes() const { return *codes_; }

 private:
  friend class Timeline;
  History() = default;
  PatientId patient_;
  Time cutoff_;
  std::span<const Event> events_;
  const CodeBook* codes_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// From when a version of a fact is known, if later than its time, and from when it is void: it was
// corrected or taken back.
struct Validity {
  std::optional<Time> from, until;
  bool holds(Time cutoff) const {
    return (!from || *from <= cutoff) && (!until || cutoff < *until);
  }
};

// Rows and, where there are versions among them, the validity of each: as many as rows, or none.
struct Rows {
  std::span<const Event> events;
  std::span<const Validity> validity = {};
};

// The whole record of one patient, future included; only labelling reads it.
class Timeline {
 public:
  // `rows`: static ones first, then by ascending time; `owner` keeps them and their texts alive.
  Timeline(PatientId patient, Rows rows, const CodeBook& codes, std::shared_ptr<const void> owner)
      : patient_(patient),
        events_(rows.events),
        validity_(rows.validity),
        codes_(&codes),
        owner_(std::move(owner)) {}
  Timeline(PatientId patient, std::span<const Event> events, const CodeBook& codes,
           std::shared_ptr<const void> owner)
      : Timeline(patient, Rows{events}, codes, std::move(owner)) {}

  PatientId patient() const { return patient_; }
  std::span<const Event> events() const { return events_; }
  const CodeBook& codes() const { return *codes_; }

  // Events without time or with time <= cutoff (MEDS: prediction_time is inclusive); of a fact that
  // was corrected, the version that held at the cutoff.
  History until(Time cutoff) const;

 private:
  PatientId patient_;
  std::span<const Event> events_;
  std::span<const Validity> validity_;
  const CodeBook* codes_;
  std::shared_ptr<const void> owner_;
};

}  // namespace cangong
