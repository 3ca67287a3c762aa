#include "report/svg.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace cangong {
namespace {

std::string n(double v) {
  return format_fixed(v, 1);
}

// About `count` round numbers between low and high.
std::vector<double> ticks(double low, double high, int count) {
  const double rough = (high - low) / count;
  if (!(rough > 0)) return {low};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double part = rough / power;
  const double step = power * (part < 1.5 ? 1 : part < 3 ? 2 : part < 7 ? 5 : 10);
  std::vector<double> marks;
  for (double v = std::ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step)
    marks.push_back(std::abs(v) < 1e-12 ? 0 : v);
  return marks;
}

std::string mark(double v) {
  if (std::abs(v) >= 1000) return format_fixed(v, 0);
  std::string text = format_fixed(v, 4);
  while (text.find('.') != std::string::npos && (text.back() == '0' || text.back() == '.')) {
    const bool point = text.back() == '.';
    text.pop_back();
    if (point) break;
  }
  return text;
}

// Maps data to pixels of one chart.
struct Plot {
  static constexpr double kWidth = 420, kHeight = 320;
  static constexpr double kLeft = 56, kRight = 12, kTop = 12, kBottom = 46;
  const Axes& axes;
  double x(double v) const {
    const double share = (v - axes.x_low) / (axes.x_high - axes.x_low);
    return kLeft + std::clamp(share, 0.0, 1.0) * (kWidth - kLeft - kRight);
  }
  double y(double v) const {
    const double share = (v - axes.y_low) / (axes.y_high - axes.y_low);
    return kHeight - kBottom - std::clamp(share, 0.0, 1.0) * (kHeight - kTop - kBottom);
  }
};

std::string grid(const Plot& plot) {
  std::string svg;
  const double bottom = Plot::kHeight - Plot::kBottom, right = Plot::kWidth - Plot::kRight;
  for (const double v : ticks(plot.axes.x_low, plot.axes.x_high, 5)) {
    svg += "<line class='grid' x1='" + n(plot.x(v)) + "' x2='" + n(plot.x(v)) + "' y1='" +
           n(Plot::kTop) + "' y2='" + n(bottom) + "'/>";
    svg += "<text class='tick' text-anchor='middle' x='" + n(plot.x(v)) + "' y='" + n(bottom + 16) +
           "'>" + mark(v) + "</text>";
  }
  for (const double v : ticks(plot.axes.y_low, plot.axes.y_high, 5)) {
    svg += "<line class='grid' y1='" + n(plot.y(v)) + "' y2='" + n(plot.y(v)) + "' x1='" +
           n(Plot::kLeft) + "' x2='" + n(right) + "'/>";
    svg += "<text class='tick' text-anchor='end' x='" + n(Plot::kLeft - 6) + "' y='" +
           n(plot.y(v) + 4) + "'>" + mark(v) + "</text>";
  }
  svg += svg_text((Plot::kLeft + right) / 2, Plot::kHeight - 8, plot.axes.x,
                  "class='axis' text-anchor='middle'");
  const double middle = (Plot::kTop + bottom) / 2;
  svg += "<g transform='rotate(-90 14 " + n(middle) + ")'>" +
         svg_text(14, middle, plot.axes.y, "class='axis' text-anchor='middle'") + "</g>";
  return svg;
}

std::string path_of(const Plot& plot, const Series& series) {
  std::string path;
  double last_y = 0;
  for (const auto& p : series.curve->points) {
    if (!std::isfinite(p.y)) continue;
    const std::string x = n(plot.x(p.x)), y = n(plot.y(p.y));
    if (path.empty())
      path = "M" + x + "," + y;
    else if (series.stepped)
      path += "L" + x + "," + n(last_y) + "L" + x + "," + y;
    else
      path += "L" + x + "," + y;
    last_y = plot.y(p.y);
  }
  return path;
}

std::string band_of(const Plot& plot, const Series& series) {
  std::string forth, back;
  double last_high = 0, last_low = 0;
  bool first = true;
  for (const auto& p : series.curve->points) {
    const double x = plot.x(p.x), high = plot.y(p.high), low = plot.y(p.low);
    if (series.stepped && !first) {
      forth += " " + n(x) + "," + n(last_high);
      back = n(x) + "," + n(last_low) + " " + back;
    }
    forth += " " + n(x) + "," + n(high);
    back = n(x) + "," + n(low) + " " + back;
    last_high = high, last_low = low, first = false;
  }
  return "<polygon class='band c" + std::to_string(series.colour) + "' points='" + forth + " " +
         back + "'/>";
}

std::string dots_of(const Plot& plot, const Series& series) {
  std::string svg;
  const std::string colour = "c" + std::to_string(series.colour);
  for (const auto& p : series.curve->points) {
    if (series.curve->has_band)
      svg += "<line class='whisker " + colour + "' x1='" + n(plot.x(p.x)) + "' x2='" +
             n(plot.x(p.x)) + "' y1='" + n(plot.y(p.low)) + "' y2='" + n(plot.y(p.high)) + "'/>";
    svg += "<circle class='dot " + colour + "' r='3' cx='" + n(plot.x(p.x)) + "' cy='" +
           n(plot.y(p.y)) + "'/>";
  }
  return svg;
}

std::string legend(const std::vector<Series>& series) {
  std::string html = "<div class='legend'>";
  for (const auto& s : series)
    if (!s.name.english.empty())
      html +=
          "<span><i class='key c" + std::to_string(s.colour) + "'></i>" + both(s.name) + "</span>";
  return html + "</div>";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
      out += ' ';  // XML has no such characters
      continue;
    }
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string both(const Words& words) {
  return "<span lang='en'>" + escape_html(words.english) + "</span><span lang='zh'>" +
         escape_html(words.chinese) + "</span>";
}

std::string svg_text(double x, double y, const Words& words, std::string_view attributes) {
  const std::string open = "<text x='" + n(x) + "' y='" + n(y) + "' " + std::string(attributes);
  return open + " lang='en'>" + escape_html(words.english) + "</text>" + open + " lang='zh'>" +
         escape_html(words.chinese) + "</text>";
}

std::string line_chart(const Axes& axes, const std::vector<Series>& series) {
  const Plot plot{axes};
  std::string svg = "<svg viewBox='0 0 420 320' role='img' aria-label='" +
                    escape_html(axes.y.english + " / " + axes.x.english) + "'>" + grid(plot);
  if (axes.diagonal)
    svg += "<line class='ideal' x1='" + n(plot.x(axes.x_low)) + "' y1='" + n(plot.y(axes.x_low)) +
           "' x2='" + n(plot.x(axes.x_high)) + "' y2='" + n(plot.y(axes.x_high)) + "'/>";
  for (const auto& s : series) {
    if (s.curve->has_band && !s.dots) svg += band_of(plot, s);
    if (s.dots)
      svg += dots_of(plot, s);
    else
      svg += "<path class='line c" + std::to_string(s.colour) + (s.dashed ? " dashed" : "") +
             "' d='" + path_of(plot, s) + "'/>";
  }
  return "<figure>" + svg + "</svg>" + legend(series) + "</figure>";
}

std::string bar_chart(const std::vector<Bar>& bars) {
  double most = 1e-12;
  for (const auto& bar : bars) most = std::max(most, std::abs(bar.value));
  const double height = 22.0 * static_cast<double>(bars.size()) + 8;
  std::string svg = "<svg class='wide' viewBox='0 0 760 " + n(height) + "' role='img'>";
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = 22.0 * static_cast<double>(i) + 4;
    svg += "<text class='label' text-anchor='end' x='372' y='" + n(y + 13) + "'>" +
           escape_html(bars[i].label) + "</text><rect class='bar c0' x='380' y='" + n(y) +
           "' height='16' width='" + n(300 * std::abs(bars[i].value) / most) +
           "'/><text class='tick' x='" + n(386 + 300 * std::abs(bars[i].value) / most) + "' y='" +
           n(y + 13) + "'>" + format_fixed(100 * bars[i].value, 1) + " %</text>";
  }
  return svg + "</svg>";
}

std::string waterfall(const Prediction& prediction, std::size_t most_reasons) {
  struct Step {
    Words label;
    double from, to;
  };
  std::vector<Step> steps;
  double at = prediction.base;
  const std::size_t shown = std::min(most_reasons, prediction.reasons.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Reason& reason = prediction.reasons[i];
    const std::string label =
        shorten(reason.description.empty() ? reason.feature
                                           : reason.description + " (" + reason.feature + ")",
                60);
    const std::string value = reason.value ? " = " + format_short(*reason.value, 4) : "";
    const Words missing = reason.is_state() ? Words{} : Words{": missing", "：缺失"};
    steps.push_back({{label + (reason.value ? value : missing.english),
                      label + (reason.value ? value : missing.chinese)},
                     at,
                     at + reason.contribution});
    at += reason.contribution;
  }
  if (std::abs(prediction.margin - at) > 1e-9)
    steps.push_back({{"all other features", "其余特征"}, at, prediction.margin});
  double low = prediction.base, high = prediction.base;
  for (const auto& step : steps) low = std::min({low, step.to}), high = std::max({high, step.to});
  const double pad = 0.05 * std::max(high - low, 1e-9);
  low -= pad, high += pad;
  const auto x = [&](double v) { return 400 + 310 * (v - low) / (high - low); };  // then a number
  const double height = 24.0 * static_cast<double>(steps.size()) + 30;
  std::string svg = "<svg class='wide' viewBox='0 0 760 " + n(height) + "' role='img'>";
  svg += "<line class='ideal' x1='" + n(x(prediction.base)) + "' x2='" + n(x(prediction.base)) +
         "' y1='0' y2='" + n(height - 24) + "'/>";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double y = 24.0 * static_cast<double>(i) + 4;
    const double a = x(std::min(steps[i].from, steps[i].to));
    const double b = x(std::max(steps[i].from, steps[i].to));
    svg += svg_text(390, y + 13, steps[i].label, "class='label' text-anchor='end'");
    svg += "<rect class='bar " + std::string(steps[i].to >= steps[i].from ? "up" : "down") +
           "' x='" + n(a) + "' y='" + n(y) + "' height='16' width='" + n(std::max(b - a, 0.8)) +
           "'/><text class='tick' x='" + n(b + 4) + "' y='" + n(y + 13) + "'>" +
           (steps[i].to >= steps[i].from ? "+" : "") +
           format_fixed(steps[i].to - steps[i].from, 2) + "</text>";
  }
  const std::string from = format_fixed(prediction.base, 2),
                    to = format_fixed(prediction.margin, 2);
  svg += svg_text(
      400, height - 6,
      {"base value " + from + "  →  margin " + to, "基线值 " + from + "  →  预测边际 " + to},
      "class='tick'");
  return svg + "</svg>";
}

std::string flow_chart(const std::vector<FlowBox>& boxes) {
  const double height = 64.0 * static_cast<double>(boxes.size());
  std::string svg = "<svg class='wide' viewBox='0 0 760 " + n(height) + "' role='img'>";
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const double y = 64.0 * static_cast<double>(i) + 2;
    svg += "<rect class='box' x='120' y='" + n(y) + "' width='520' height='40' rx='6'/>";
    svg += svg_text(380, y + 25, boxes[i].text, "class='label' text-anchor='middle'");
    if (i + 1 < boxes.size())
      svg += "<path class='arrow' d='M380," + n(y + 40) + "v18m-5,-6l5,6l5,-6'/>";
  }
  return svg + "</svg>";
}

std::string standalone_svg(const std::string& svg, std::string_view language) {
  const std::string other = language == "zh" ? "en" : "zh";
  const std::size_t tag = svg.find('>') + 1;
  return "<svg xmlns='http://www.w3.org/2000/svg'" + svg.substr(4, tag - 4) +
         "<style>text{font:14px sans-serif;fill:#222}text[lang=" + other +
         "]{display:none}.box{fill:#f4f6f8;stroke:#567}.arrow{fill:none;stroke:#567}</style>" +
         svg.substr(tag) + "\n";
}

}  // namespace cangong
