// The windows of a task file: boundary expressions become endpoints that hang on one another.
#pragma once

#include <functional>
#include <string>

#include "cohort/task.h"

namespace cangong {

// Finds or reads the predicate of that name; rejects at the node otherwise.
using NeedPredicate = std::function<std::size_t(const std::string&, const Node&)>;

// Fills windows, endpoints, index_endpoint, label_window and label_predicate.
void read_windows(const Node& node, Task& task, const NeedPredicate& need);

}  // namespace cangong
