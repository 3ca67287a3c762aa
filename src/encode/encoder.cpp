#include "encode/encoder.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"

namespace cangong {

Matrix dense(const Batch& batch, const std::vector<Column>& columns) {
  Matrix matrix(batch.rows(), columns.size());
  std::vector<float> absent;
  for (const Column& column : columns) absent.push_back(column.absent());
  for (std::size_t i = 0; i < batch.rows(); ++i) {
    const auto row = matrix.row(i);
    std::copy(absent.begin(), absent.end(), row.begin());
    for (std::size_t k = batch.offsets[i]; k < batch.offsets[i + 1]; ++k)
      row[batch.entries[k].column] = batch.entries[k].value;
  }
  return matrix;
}

StoreHistories::StoreHistories(const Store& store, std::vector<LabelRow> examples)
    : store_(store), examples_(std::move(examples)), by_patient_(examples_.size()) {
  std::iota(by_patient_.begin(), by_patient_.end(), std::size_t{0});
  std::stable_sort(by_patient_.begin(), by_patient_.end(), [&](std::size_t a, std::size_t b) {
    return examples_[a].patient < examples_[b].patient;
  });
}

void StoreHistories::each(std::size_t threads, const Use& use) const {
  const auto before = [&](std::size_t example, PatientId patient) {
    return examples_[example].patient < patient;
  };
  store_.each(Columns::unit, threads, [&](std::size_t shard, const Timeline& timeline) {
    const PatientId patient = timeline.patient();
    auto at = std::lower_bound(by_patient_.begin(), by_patient_.end(), patient, before);
    for (; at != by_patient_.end() && examples_[*at].patient == patient; ++at)
      use(shard, *at, timeline.until(examples_[*at].when));
  });
}

Batch encode(const Encoder& encoder, const HistoryStream& histories, std::size_t threads) {
  std::vector<std::vector<Entry>> rows(histories.size());
  std::vector<std::unique_ptr<EncoderSession>> sessions(64);
  std::atomic<std::size_t> visited = 0;
  Progress progress("encoding", histories.size());
  histories.each(threads, [&](std::size_t worker, std::size_t example, const History& history) {
    auto& session = sessions.at(worker);
    if (!session) session = encoder.session(histories.codes());
    session->encode(history, rows[example]);
    ++visited;
    progress.step();
  });
  if (visited != rows.size())
    fail(Fault::input, std::to_string(rows.size() - visited) + " of " +
                           std::to_string(rows.size()) + " examples belong to patients that are " +
                           "not in the store; are these the labels of another store?");
  Batch batch;
  for (const auto& row : rows) batch.add_row(row);
  return batch;
}

}  // namespace cangong
