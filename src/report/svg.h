// Line charts, bars and waterfalls as SVG, drawn for print and screen, light and dark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "decide/answer.h"
#include "evaluate/assess.h"

namespace cangong {

// Text in both languages; the page shows one of them.
struct Words {
  std::string english, chinese;
};

std::string escape_html(std::string_view text);
// Two <span>s, of which the page's style shows one.
std::string both(const Words& words);
// The same inside SVG.
std::string svg_text(double x, double y, const Words& words, std::string_view attributes = "");

struct Series {
  Words name;
  const Curve* curve = nullptr;
  int colour = 0;  // 0..5
  bool stepped = false, dots = false, dashed = false;
};

struct Axes {
  Words x, y;
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  bool diagonal = false;
};

std::string line_chart(const Axes& axes, const std::vector<Series>& series);

struct Bar {
  std::string label;
  double value;
};
std::string bar_chart(const std::vector<Bar>& bars);

// How a prediction came about: from the base value, reason by reason, to the margin.
std::string waterfall(const Prediction& prediction, std::size_t most_reasons);

// Boxes from top to bottom.
struct FlowBox {
  Words text;
};
std::string flow_chart(const std::vector<FlowBox>& boxes);

// A drawing as a file of its own, in one language ("en" or "zh").
std::string standalone_svg(const std::string& svg, std::string_view language);

}  // namespace cangong
