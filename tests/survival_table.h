// Survival data as the literature hands it round: a CSV file with a column "split" or none.
#pragma once

#include <cmath>

#include "model/dataset.h"
#include "shared_data.h"
#include "source/delimited_table.h"

namespace cangong {

// A table of numbers with named columns as survival data.
struct SurvivalTable {
  Dataset train, test;
};

inline SurvivalTable read_survival(const fs::path& file, const std::string& time,
                                   const std::string& event) {
  DelimitedTable table(file, {});
  SurvivalTable out;
  std::vector<std::size_t> columns;
  std::size_t time_at = 0, event_at = 0, split_at = SIZE_MAX;
  for (std::size_t i = 0; i < table.header().size(); ++i) {
    const std::string& name = table.header()[i];
    if (name == time)
      time_at = i;
    else if (name == event)
      event_at = i;
    else if (name == "split")
      split_at = i;
    else
      columns.push_back(i);
  }
  for (Dataset* data : {&out.train, &out.test}) {
    data->y.answer = Answer::survival;
    data->x.columns = columns.size();
  }
  while (const auto row = table.next()) {
    const auto& cells = *row->cells;
    Dataset& data = split_at != SIZE_MAX && cells[split_at] == "test" ? out.test : out.train;
    for (const std::size_t c : columns)
      data.x.values.push_back(static_cast<float>(*parse_number(cells[c])));
    ++data.x.rows;
    data.y.values.push_back(*parse_number(cells[time_at]));
    data.y.events.push_back(*parse_number(cells[event_at]));
  }
  return out;
}

}  // namespace cangong
