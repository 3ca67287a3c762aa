// History -> arrays. An encoder is fitted on training patients once and then never changes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "encode/batch.h"
#include "encode/layout.h"
#include "timeline/meds_tables.h"
#include "timeline/store.h"

namespace cangong {

// The histories of many examples. Can be read again; never holds the cohort in memory.
class HistoryStream {
 public:
  virtual ~HistoryStream() = default;
  virtual std::size_t size() const = 0;
  virtual const CodeBook& codes() const = 0;
  // What is known of the codes: descriptions and parents.
  virtual const std::vector<CodeInfo>& code_infos() const = 0;
  // use(worker, example, history): examples in any order, `worker` below `threads`, each worker's
  // calls one after the other.
  using Use = std::function<void(std::size_t worker, std::size_t example, const History&)>;
  virtual void each(std::size_t threads, const Use& use) const = 0;
};

// Examples (patient and moment) whose records lie in a store. Rows may be in any order.
class StoreHistories : public HistoryStream {
 public:
  StoreHistories(const Store& store, std::vector<LabelRow> examples);
  std::size_t size() const override { return examples_.size(); }
  const CodeBook& codes() const override { return store_.codes(); }
  const std::vector<CodeInfo>& code_infos() const override { return store_.code_infos(); }
  void each(std::size_t threads, const Use& use) const override;

 private:
  const Store& store_;
  std::vector<LabelRow> examples_;
  std::vector<std::size_t> by_patient_;  // example numbers in the order of patients
};

// Encodes for one store on one thread; made by an encoder, which it outlives not.
class EncoderSession {
 public:
  virtual ~EncoderSession() = default;
  // Entries by ascending column.
  virtual void encode(const History& history, std::vector<Entry>& row) = 0;
  // Positions in history.events() of the events behind a column.
  virtual std::vector<std::size_t> origin(const History& history, std::size_t column) = 0;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual void fit(const HistoryStream& training) = 0;
  virtual const std::vector<Column>& columns() const = 0;
  virtual Layout layout() const { return {columns().size(), 0, 0}; }
  virtual std::unique_ptr<EncoderSession> session(const CodeBook& codes) const = 0;
  virtual std::string save() const = 0;
};

// All examples of a stream, in their order.
Batch encode(const Encoder& encoder, const HistoryStream& histories, std::size_t threads);

}  // namespace cangong
